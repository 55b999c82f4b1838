"""Use cases of backups. The only door to them."""

from backend.backups import backup_service

backup = backup_service.backup
backups = backup_service.backups
check_backup = backup_service.check_backup
forget_old = backup_service.forget_old
