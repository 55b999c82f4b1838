"""Traces of the processes, where a collector is named; nothing of OpenTelemetry is loaded elsewhere."""
