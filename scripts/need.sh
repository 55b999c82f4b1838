#!/bin/sh
# Name in a sentence each program that is missing, and how to get it. Ends with 1 when one is.
#   scripts/need.sh helm kubectl engine compose
# `engine` is a Docker engine that answers, `compose` Docker's plugin: a client on PATH proves neither.
set -u

answers() {
	case $1 in
	engine) command -v docker >/dev/null 2>&1 && docker version --format '{{.Server.Version}}' >/dev/null 2>&1 ;;
	compose) command -v docker >/dev/null 2>&1 && docker compose version >/dev/null 2>&1 ;;
	*) command -v "$1" >/dev/null 2>&1 ;;
	esac
}

remedy() {
	case $1 in
	engine)
		if command -v docker >/dev/null 2>&1; then
			echo "The docker client finds no engine. Start Docker, or point DOCKER_HOST to one that runs."
		else
			echo "Docker is missing. Install Docker Engine: https://docs.docker.com/engine/install/"
		fi
		;;
	compose) echo "Docker's compose plugin is missing. Install it: https://docs.docker.com/compose/install/" ;;
	helm) echo "helm is missing. Install Helm 3.17 or newer: https://helm.sh/docs/intro/install/" ;;
	kubectl) echo "kubectl is missing. Install it: https://kubernetes.io/docs/tasks/tools/" ;;
	gh) echo "GitHub's command line is missing. Install it: https://cli.github.com/" ;;
	curl) echo "curl is missing. On Debian and Ubuntu: apt-get install curl" ;;
	*) echo "$1 is missing. Install it and start again." ;;
	esac
}

missing=0
for program in "$@"; do
	answers "$program" || {
		remedy "$program" >&2
		missing=1
	}
done
exit $missing
