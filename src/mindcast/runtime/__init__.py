"""Where a run happens: device, execution mode, run folder, log."""
