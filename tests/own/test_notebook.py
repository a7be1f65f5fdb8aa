"""A notebook: models that only it defines, measured in processes of their own, and shown in its output."""

import pytest

NEEDS = "needs nbclient and ipykernel: tox -e thirdparty"

nbformat = pytest.importorskip("nbformat", reason=NEEDS)
nbclient = pytest.importorskip("nbclient", reason=NEEDS)
pytest.importorskip("ipykernel", reason=NEEDS)

MODEL = """import torch, rnnbench
from torch import nn

class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru, self.out = nn.GRU(8, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x):
        return self.out(self.gru(x)[0])

def loss(output, target):
    return nn.functional.mse_loss(output, target)

batch = torch.randn(4, 6, 8), torch.randn(4, 6, 3)"""
MEASURE = 'records = rnnbench.measure(Tagger(), batch, loss=loss, precision=("fp32", "bf16"), budget=0.01)\nrecords'
HERE = "import os\nprint(len({one.pid for one in records} - {os.getpid()}), [one.status for one in records])"


def test_a_notebook_shows_its_records():
    """The table is HTML, every case had a process of its own, and nothing else was printed."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in (MODEL, MEASURE, HERE)])
    nbclient.NotebookClient(book, timeout=600, kernel_name="python3").execute()
    (shown,) = (one for one in book.cells[1].outputs if one.output_type == "execute_result")
    assert "<table>" in shown.data["text/html"]
    assert "Parts of the train step" in shown.data["text/html"]
    assert book.cells[2].outputs[0].text.strip() == "4 ['ok', 'ok', 'ok', 'ok']"
