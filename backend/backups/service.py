"""Use cases of backups. The only door to them."""

from backend.backups import backup_service, drill_service, restore_service, server_service

backup = backup_service.backup
backups = backup_service.backups
backup_named = backup_service.backup_named
known_backups = backup_service.known_backups
check_backup = backup_service.check_backup
forget_old = backup_service.forget_old

plan_restore = restore_service.plan_restore
load = restore_service.load
carry = restore_service.carry
drop_new = restore_service.drop_new
live_version = restore_service.live_version
swap = restore_service.swap
smoke_test = restore_service.smoke_test
undo = restore_service.undo
undoable = restore_service.undoable
require_newest = restore_service.require_newest
restores = restore_service.restores
forget_kept = restore_service.forget_kept

drill = drill_service.drill
newest = drill_service.newest
health = drill_service.health

check_server = server_service.check_server
carry_to_server = server_service.carry_to_server
leave_server = server_service.leave_server
note_move = server_service.note_move
note_moved_back = server_service.note_moved_back
longest_refusal_ms = server_service.longest_refusal_ms
close_server = server_service.close_server
open_server = server_service.open_server
shut_server = server_service.shut_server
