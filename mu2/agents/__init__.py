"""Agents (µ3Net): a process a task, each extending one system by cycles of its own."""
