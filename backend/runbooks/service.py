"""The only door to runs. What people do, what a run's process does, what the launcher does, and what all staff read."""

from backend.runbooks import launch_service, people_service, process_service, reading_service

ask = people_service.ask
confirm = people_service.confirm
approve = people_service.approve
decline = people_service.decline
cancel = people_service.cancel
go_on = people_service.go_on

take_up = process_service.take_up
beat = process_service.beat
store_plan = process_service.store_plan
start_step = process_service.start_step
end_step = process_service.end_step
remember = process_service.remember
append_log = process_service.append_log
last_line = process_service.last_line
succeed = process_service.succeed
fail = process_service.fail
stop = process_service.stop

watched = launch_service.watched
now = launch_service.now
claim = launch_service.claim
note_process = launch_service.note_process
unclaim = launch_service.unclaim
note_gone = launch_service.note_gone
refuse = launch_service.refuse
expire = launch_service.expire
may_be_killed = launch_service.may_be_killed
is_mending = launch_service.is_mending
forget_old = launch_service.forget_old

run = reading_service.run
steps = reading_service.steps
search = reading_service.search
scheduled_since = reading_service.scheduled_since
continuable = reading_service.continuable
ids_of = reading_service.ids_of
standing = reading_service.standing
undo_runs = reading_service.undo_runs
lines = reading_service.lines
holders = reading_service.holders
last_durations_s = reading_service.last_durations_s
last_ended_at = reading_service.last_ended_at
successors = reading_service.successors
