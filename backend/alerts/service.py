"""Use cases of alerts: the feature's door."""

from backend.alerts import (
    board_service,
    detail_service,
    reconcile_service,
    run_silence_service,
    silence_service,
    wake_service,
)

reconcile = reconcile_service.reconcile
forget_old = reconcile_service.forget_old
wake = wake_service.wake

board = board_service.board
history = board_service.history
gaps = board_service.gaps
deploys_before = board_service.deploys_before
alert = detail_service.alert
trend = detail_service.trend

silences = silence_service.silences
silence_named = silence_service.silence_named
ending_soon = silence_service.ending_soon
proposed_matchers = silence_service.proposed_matchers
preview_silence = silence_service.preview_silence
create_silence = silence_service.create_silence
change_silence_end = silence_service.change_silence_end
end_silence = silence_service.end_silence

# For runs of runbooks.
can_be_silenced = run_silence_service.can_be_silenced
matchers_of = run_silence_service.matchers_of
preview_for_run = run_silence_service.preview_for_run
silence_for_run = run_silence_service.silence_for_run
is_live = run_silence_service.is_live
end_for_run = run_silence_service.end_for_run
