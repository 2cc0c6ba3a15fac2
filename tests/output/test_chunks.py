import h5py
import numpy as np
import pytest

from mindcast.output.chunks import PACKING, Packer


def variable(path, shape, chunks):
    file = h5py.File(path, "w")
    return file.create_dataset("a", shape, np.float32, chunks=chunks, fillvalue=-1, **PACKING)


@pytest.mark.parametrize("sides", [(6, 8), (4, 8), (4, 5)], ids=["whole", "rows", "both"])
def test_chunks_are_the_bytes_that_hdf5_would_have_written(tmp_path, sides):
    values = np.random.default_rng(0).integers(0, 9, (2, 3, 6, 8)).astype(np.float32)
    ours, plain = (variable(tmp_path / name, values.shape, (1, 1, *sides)) for name in "ab")
    with Packer() as packer:
        for k in (1, 0):
            packer.write(ours, (k,), values[k])
    plain[...] = values
    assert (ours[...] == values).all()
    assert ours.id.get_num_chunks() == plain.id.get_num_chunks()
    for k in range(ours.id.get_num_chunks()):
        at = plain.id.get_chunk_info(k).chunk_offset
        assert ours.id.read_direct_chunk(at) == plain.id.read_direct_chunk(at)


def test_what_is_not_written_has_the_fill_value(tmp_path):
    a = variable(tmp_path / "a", (2, 3, 4), (1, 3, 4))
    with Packer() as packer:
        packer.write(a, (1,), np.full((3, 4), 5, np.float32))
    assert (a[0] == -1).all()
    assert (a[1] == 5).all()
