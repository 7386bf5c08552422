"""Selective self-distillation against a loop in double precision and numbers worked out by hand."""

import math

import numpy as np
import pytest
import torch

from engine.networks.lps.config import LpsConfig
from engine.networks.lps.network import Lps
from engine.training.lps.distillation import distilled_parameters, selected_divergences


def softmax(logits: list[float]) -> list[float]:
    powers = [math.exp(x) for x in logits]
    return [x / sum(powers) for x in powers]


def naive(student, teacher, labels, temperature, direction):  # type: ignore[no-untyped-def]
    """The second sum of equation 6, one example at a time."""
    soft = []
    for s, t, label in zip(student, teacher, labels, strict=True):
        if (t[1] > t[0]) != bool(label):
            continue
        taught, learnt = softmax([x / temperature for x in t]), softmax(s)
        p, q = (taught, learnt) if direction == "teacher-student" else (learnt, taught)
        soft.append(sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)))
    return soft


@pytest.mark.parametrize("direction", ["teacher-student", "student-teacher"])
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_divergences_are_the_loop(temperature: float, direction: str) -> None:
    rng = np.random.default_rng(0)
    student, teacher = rng.normal(size=(2, 9, 2)) * 2
    labels = rng.integers(0, 2, 9)
    assert 0 < (teacher.argmax(1) == labels).sum() < 9
    found = selected_divergences(
        torch.from_numpy(student), torch.from_numpy(teacher), torch.from_numpy(labels), temperature, direction
    )
    wanted = naive(student.tolist(), teacher.tolist(), labels.tolist(), temperature, direction)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_an_example_by_hand() -> None:
    """Teacher sure by 3 to 1 and right, student undecided: 3/4 log 3/2 + 1/4 log 1/2."""
    teacher, student = torch.tensor([[0.0, math.log(3)]]), torch.zeros(1, 2)
    (found,) = selected_divergences(student, teacher, torch.tensor([1]))
    assert float(found) == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5), rel=1e-6)
    (printed,) = selected_divergences(student, teacher, torch.tensor([1]), direction="student-teacher")
    assert float(printed) == pytest.approx(0.5 * (math.log(2) + math.log(2 / 3)), rel=1e-6)


def test_a_teacher_that_is_wrong_everywhere_teaches_nothing() -> None:
    student = torch.zeros(2, 2, requires_grad=True)
    found = selected_divergences(student, torch.tensor([[2.0, 0.0], [0.0, 2.0]]), torch.tensor([1, 0]))
    assert found.shape == (0,)
    found.sum().backward()
    assert not student.grad.any()


def test_the_student_learns_and_the_teacher_does_not() -> None:
    rng = np.random.default_rng(1)
    student, teacher = (torch.from_numpy(x).requires_grad_() for x in rng.normal(size=(2, 5, 2)))
    labels = teacher.detach().argmax(1)
    labels[0] = 1 - labels[0]
    assert torch.autograd.gradcheck(lambda s: selected_divergences(s, teacher, labels), (student,))
    selected_divergences(student, teacher, labels).sum().backward()
    assert teacher.grad is None
    assert not student.grad[0].any()
    assert student.grad[1:].any(1).all()


def test_what_is_distilled() -> None:
    network = Lps(LpsConfig(size=64, examples=6, widths=(3, 4, 5, 6), hidden=7, slots=9))
    names = {id(p): name for name, p in network.named_parameters()}

    def found(part: str) -> set[str]:
        return {".".join(names[id(p)].split(".")[:-1]) for p in distilled_parameters(network, part)}

    classifier = {"classifier.0", "classifier.2"}
    gates = {f"{one}_aggregator.out_gate" for one in ("forward", "backward")}
    others = {f"{one}_aggregator.{gate}_gate" for one in ("forward", "backward") for gate in ("update", "reset")}
    assert found("none") == classifier
    assert found("out-gates") == classifier | gates
    assert found("all") == classifier | gates | others
