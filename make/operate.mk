DAY ?=
ON_DAY := $(if $(DAY),--day "$$DAY")

##@ Bill
billing-run: $(READY) ## Bill the closed days now (DAY=2026-11-22 for one)
	@$(BY_HAND) -m jobs run nightly_billing $(ON_DAY) $(ARGS)

billing-plan: $(READY) ## Show what would be billed; writes nothing (DAY=)
	@$(BY_HAND) -m jobs run nightly_billing --dry-run $(ON_DAY) $(ARGS)

usage-show: $(READY) ## The tokens of a day with the evidence (DAY=2026-11-22)
	@test -n "$$DAY" || { echo "Name the day in Tehran: make usage-show DAY=2026-11-22"; exit 2; }
	@$(BY_HAND) -m backend.usage $(ON_DAY) $(ARGS)

payments-sweep: $(READY) ## Ask the bank about payments whose payer never came back
	@$(BY_HAND) -m jobs run sweep_payments

mails-retry: $(READY) ## Send every mail again that was given up
	@$(BY_HAND) -m backend.notifications retry --all

##@ Keep
migrations: $(READY) ## Apply every migration that the database lacks
	@$(BY_HAND) -m backend.db upgrade

backup-db: $(READY) ## Make a backup and read it to its end
	@$(BY_HAND) -m backend.backups create

backups-list: $(READY) ## The backups, the newest first
	@$(BY_HAND) -m backend.backups list

backup-check: $(READY) ## Compare a backup with its checksum and read it (NAME=)
	@test -n "$$NAME" || { echo "Name a backup of make backups-list: make backup-check NAME=..."; exit 2; }
	@$(BY_HAND) -m backend.backups check "$$NAME"

restore-drill: $(READY) ## Restore the newest backup into a throw-away database
	@$(BY_HAND) -m backend.backups drill

restore-db: $(READY) ## Ask to restore a backup; it is approved in the portal (NAME= EMAIL=)
	@test -n "$$NAME" || { echo "Name a backup of make backups-list: make restore-db NAME=... EMAIL=..."; exit 2; }
	@test -n "$$EMAIL" || { echo "Say who asks: EMAIL=... (the portal's password is asked for)"; exit 2; }
	@$(BY_HAND) -m runbooks ask restore_database --as "$$EMAIL" --with "backup=$$NAME"

restore-offline: $(READY) ## Restore a backup while the portal is down (NAME= CONFIRM=NAME)
	@test -n "$$NAME" || { echo "Name a backup of make backups-list: make restore-offline NAME=... CONFIRM=..."; exit 2; }
	@test "$$NAME" = "$$CONFIRM" || { echo "This takes the database back to $$NAME. Type its name again: CONFIRM=$$NAME"; exit 2; }
	@$(BY_HAND) -m backend.backups restore "$$NAME"

restore-undo: $(READY) ## Make the database before a restore live again (RUN=)
	@test -n "$$RUN" || { echo "Name the restore, as it told at its end: make restore-undo RUN=..."; exit 2; }
	@$(BY_HAND) -m backend.backups undo "$$RUN"

audit-verify: $(READY) ## Whether the audit trail is whole (HEAD= one that was noted)
	@$(BY_HAND) -m backend.audit verify $(if $(HEAD),--head "$$HEAD")

rotate-openai-key: $(READY) ## Ask to replace the provider's key; RUN_SECRET may hold the new one (EMAIL=)
	@test -n "$$EMAIL" || { echo "Say who asks: EMAIL=... (the portal's password is asked for)"; exit 2; }
	@$(BY_HAND) -m runbooks ask rotate_openai_key --as "$$EMAIL" --with "namespace=$${DOCUCHAT_NAMESPACE:-docuchat}"

metrics-show: $(READY) ## What the portal's metrics say now (NAME=portal_ for some)
	@$(BY_HAND) -m delivery.metrics_show $(if $(NAME),"$$NAME")

door-token: $(READY) ## A new token for a machine's door, and its hash
	@$(BIN)/python -m backend.doors new-token
