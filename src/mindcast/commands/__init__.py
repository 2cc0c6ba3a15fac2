"""One file a mode of the command line, beside what they share."""

# mode -> module with `run(request)`; a new mode is one file in `commands` and one line here
MODES = {
    "train": "mindcast.commands.train",
    "test": "mindcast.commands.test",
    "predict": "mindcast.commands.predict",
    "verify": "mindcast.commands.verify",
    "prepare": "mindcast.commands.prepare",
    "convert": "mindcast.commands.convert",
}
