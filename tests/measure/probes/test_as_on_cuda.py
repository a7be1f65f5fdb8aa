"""On CUDA cuDNN runs a GRU or Elman network as one operator; a plan made on a CPU counts it so."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from rnnbench.measure.probes import operators
from rnnbench.measure.probes.as_on_cuda import cudnn_counts

NETWORKS = {"gru": nn.GRU, "tanh": nn.RNN, "relu": lambda *sizes: nn.RNN(*sizes, nonlinearity="relu")}


def step(network, seq_len: int):
    x = torch.randn(seq_len, 2, 3)
    network.zero_grad()
    network(x)[0].sum().backward()


@pytest.mark.parametrize("name", NETWORKS)
def test_longer_sequences_have_no_more_operators(name):
    """A CPU runs a GRU step by step; counted as on CUDA its operators do not depend on the length."""
    network = NETWORKS[name](3, 4, 2)
    with cudnn_counts():
        short, long = (operators.count(lambda n=n: step(network, n)) for n in (4, 40))
    assert 2 < short == long < 40
    assert operators.count(lambda: step(network, 40)) > 10 * long


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_are_torchs_own_and_gradients_have_their_shapes(name):
    """Only the count and the gradients' values differ, and afterwards nothing does."""
    network, x = NETWORKS[name](3, 4), torch.randn(5, 2, 3)
    own = network(x)[0]
    with cudnn_counts():
        counted = network(x)[0]
        counted.sum().backward()
    torch.testing.assert_close(counted, own)
    assert all(float(p.grad.abs().sum()) == 0 for p in network.parameters())
    network.zero_grad()
    network(x)[0].sum().backward()
    assert all(float(p.grad.abs().sum()) > 0 for p in network.parameters())


def test_packed_sequences_run_as_they_are():
    """cuDNN's form for packed sequences takes other arguments; it is left alone."""
    network, x = nn.GRU(3, 4), pack_padded_sequence(torch.randn(5, 2, 3), torch.tensor([5, 2]))
    own = network(x)[0].data
    with cudnn_counts():
        torch.testing.assert_close(network(x)[0].data, own)
