"""A disk that fills up while HDF5 writes to it."""

from mindcast.unfailing import Unfailing


def fill_up_after(monkeypatch, most):
    """Writes fail once so many bytes were written, as on a full disk."""
    write, written = Unfailing._write, []

    def limited(self, view):
        if sum(written) + len(view) > most:
            raise OSError(28, "No space left on device")
        written.append(len(view))
        write(self, view)

    monkeypatch.setattr(Unfailing, "_write", limited)
