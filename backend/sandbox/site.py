"""The place of a stack: its folder, ports and addresses, and the settings that follow from them."""

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

from backend.clock import billing_day, utc_now
from backend.doors import tokens
from backend.sandbox import history, openai_keys, tools
from backend.sandbox.companies import HISTORY_DAYS
from backend.sandbox.kubernetes.roles import RUNNER
from backend.sandbox.postgres import PostgresServer, binaries, data_home, server_account
from backend.sandbox.processes import free_port, port_is_free

DATABASE = "portal"
DEMO_PORT = 8000
RUNNER_ACCOUNT = f"docuchat-runbooks:{RUNNER}"
PORT_NAMES = (
    "web", "jobs", "postgres", "prometheus", "alertmanager", "smtp", "mail", "openai", "zibal", "kubernetes", "console",
    *history.INSTANCES,
)  # fmt: skip


class Site:
    """The folder of a stack, for a single use (`demo`, `e2e`, `bench`)."""

    def __init__(
        self,
        state_dir: Path | None = None,
        *,
        history_days: int = HISTORY_DAYS,
        use: str = "demo",
        scrape_interval_s: int = 5,
    ) -> None:
        """Name the place. `history_days=0` means an empty Prometheus and no companies."""
        self.use = use
        self.state_dir = (state_dir or tools.LOCAL / use).resolve()
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self.history_days = history_days
        self.scrape_interval_s = scrape_interval_s
        self.ports: dict[str, int] = {}

    @property
    def front_end(self) -> str:
        """The name of the build that the web process serves."""
        return self.use

    @property
    def web_url(self) -> str:
        """The address for browsers, which is also `PUBLIC_URL`."""
        return self.url_of("web")

    @property
    def prometheus_url(self) -> str:
        """Address of Prometheus."""
        return self.url_of("prometheus")

    @property
    def alertmanager_url(self) -> str:
        """Address of Alertmanager."""
        return self.url_of("alertmanager")

    @property
    def mail_url(self) -> str:
        """Address of the page and the interface of the mail box."""
        return self.url_of("mail")

    @property
    def openai_url(self) -> str:
        """Address of the OpenAI sandbox, without `/v1`."""
        return self.url_of("openai")

    @property
    def zibal_url(self) -> str:
        """Address of the Zibal sandbox."""
        return self.url_of("zibal")

    @property
    def database_url(self) -> str:
        """Address of the portal's database, with its password."""
        return PostgresServer(self.postgres_dir, self.ports["postgres"]).url(DATABASE)

    @property
    def postgres_dir(self) -> Path:
        """PostgreSQL's data; root's lies outside, because an unprivileged user has to reach it."""
        if server_account() is None:
            return self.state_dir / "postgres"
        digest = hashlib.sha256(str(self.state_dir).encode()).hexdigest()[:8]
        return data_home() / f"{self.use}-{digest}"

    @property
    def is_new(self) -> bool:
        """Whether no stack was ever opened in the folder: the ports are the first that one leaves there."""
        return not (self.state_dir / "ports.json").exists()

    @property
    def kubeconfig(self) -> Path:
        """File with the portal's access to the Kubernetes emulator; written by the emulator."""
        return self.state_dir / "kubeconfig"

    @property
    def run_template(self) -> Path:
        """File with the Job that each run's is made from."""
        return self.state_dir / "run-job.yml"

    @property
    def metrics_token(self) -> str:
        """The bearer token of the portal's own metrics."""
        return self.remembered("metrics-token", lambda: secrets.token_urlsafe(24))

    @property
    def alerts_token(self) -> str:
        """The bearer token with which Alertmanager wakes the portal."""
        return self.remembered("alerts-token", lambda: secrets.token_urlsafe(24))

    @property
    def since(self) -> date:
        """The first day of the history; it never moves once the history was made."""

        def first_day() -> str:
            return (billing_day(utc_now()) - timedelta(days=self.history_days)).isoformat()

        return date.fromisoformat(self.remembered("since", first_day))

    def url_of(self, name: str) -> str:
        """The loopback address of a part."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def log_path(self, name: str) -> Path:
        """The log file of a part."""
        return self.state_dir / "logs" / f"{name}.log"

    def remembered(self, name: str, make: Callable[[], str]) -> str:
        """A small text that is made once and then kept in the folder, for us alone to read."""
        path = self.state_dir / name
        if not path.exists():
            # Parts start side by side: nobody may read a half-written file, and the first one's text stays.
            descriptor, draft = tempfile.mkstemp(dir=self.state_dir, prefix=f".{name}-")
            with os.fdopen(descriptor, "w") as file:
                file.write(make())
            with suppress(FileExistsError):
                path.hardlink_to(draft)
            Path(draft).unlink()
        return path.read_text()

    def choose_ports(self) -> None:
        """Take the ports of the last start where they are still free, so that a bookmark stays good."""
        path = self.state_dir / "ports.json"
        known: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        if self.use == "demo":
            known.setdefault("web", DEMO_PORT)
        for name in PORT_NAMES:
            port = known.get(name)
            self.ports[name] = port if port and port_is_free(port) else free_port()
        path.write_text(json.dumps(self.ports, indent=1))


def environment(site: Site) -> dict[str, str]:
    """The settings that every process of a stack is started with; nothing else says where the parts are."""
    return {
        "ENVIRONMENT": "development",
        "DATABASE_URL": site.database_url,
        "PUBLIC_URL": site.web_url,
        "PROMETHEUS_URL": site.prometheus_url,
        "ALERTMANAGER_URLS": site.alertmanager_url,
        "ZIBAL_URL": site.zibal_url,
        "ZIBAL_MERCHANT": "zibal",
        "SMTP_URL": f"smtp://127.0.0.1:{site.ports['smtp']}",
        "OPENAI_BASE_URL": f"{site.openai_url}/v1",
        "OPENAI_API_KEY": "sk-sandbox",
        "OPENAI_ADMIN_KEY": openai_keys.ADMIN_KEY,
        "OPENAI_PROJECT_ID": openai_keys.PROJECT,
        "OPENAI_SERVICE_ACCOUNT_ID": openai_keys.SERVICE_ACCOUNT,
        # Somebody watches: nothing needs to be waited for that nobody uses.
        "OPENAI_KEY_QUIET_S": "5",
        "DOCUCHAT_TOKEN_LIFE_S": "30",
        "KUBECONFIG": str(site.kubeconfig),
        "KUBERNETES_RUNNER_ACCOUNT": RUNNER_ACCOUNT,
        "RUNNER_LAUNCHER": "job",
        "RUNNER_JOB_TEMPLATE": str(site.run_template),
        "USAGE_SELECTOR": f'namespace="{history.NAMESPACE}"',
        "METRICS_TOKEN": site.metrics_token,
        "ALERTS_TOKEN_HASH": tokens.hash_of(site.alerts_token),
        "BACKUP_DIR": str(site.state_dir / "backups"),
        "POSTGRES_TOOLS_DIR": str(binaries()),
        "SELLER_LEGAL_NAME": "شرکت داکیوچت (سهامی خاص)",
        "SELLER_ECONOMIC_CODE": "14009876543",
        "SELLER_NATIONAL_ID": "14009876543",
        "SELLER_REGISTRATION_NUMBER": "567890",
        "SELLER_ADDRESS": "تهران، خیابان ولیعصر، بالاتر از میدان ونک، پلاک ۲۴۸۰، طبقهٔ ۶",
        "SELLER_POSTAL_CODE": "1969833711",
        "SELLER_PHONE": "021-88776655",
    }


def process_environment(site: Site) -> dict[str, str]:
    """The complete environment of a process of the stack."""
    return {**own_environment(), **environment(site)}


def own_environment() -> dict[str, str]:
    """The environment for child processes, without pytest's mark, with which a child would behave otherwise."""
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
