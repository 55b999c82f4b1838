"""Use cases of alerts: the feature's door."""

from backend.alerts import board_service, reconcile_service, wake_service

reconcile = reconcile_service.reconcile
wake = wake_service.wake

board = board_service.board
history = board_service.history
gaps = board_service.gaps
