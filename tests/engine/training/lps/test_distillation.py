"""Selective self-distillation against a loop in double precision and numbers worked out by hand."""

import math

import numpy as np
import pytest
import torch

from engine.networks.lps.config import LpsConfig
from engine.networks.lps.network import Lps
from engine.training.lps.distillation import distilled_parameters, selective_self_distillation


def softmax(logits: list[float]) -> list[float]:
    powers = [math.exp(x) for x in logits]
    return [x / sum(powers) for x in powers]


def naive(student, teacher, labels, share, temperature, direction):  # type: ignore[no-untyped-def]
    """Equation 6 with means, one example at a time."""
    hard, soft = [], []
    for s, t, label in zip(student, teacher, labels, strict=True):
        learnt = softmax(s)
        hard.append(-math.log(learnt[label]))
        if (t[1] > t[0]) != bool(label):
            continue
        taught = softmax([x / temperature for x in t])
        p, q = (taught, learnt) if direction == "teacher-student" else (learnt, taught)
        soft.append(sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)))
    return share * sum(hard) / len(hard) + (1 - share) * (sum(soft) / len(soft) if soft else 0.0)


@pytest.mark.parametrize("direction", ["teacher-student", "student-teacher"])
@pytest.mark.parametrize(("share", "temperature"), [(0.7, 1.0), (0.3, 4.0), (1.0, 1.0), (0.0, 2.0)])
def test_the_loss_is_the_loop(share: float, temperature: float, direction: str) -> None:
    rng = np.random.default_rng(0)
    student, teacher = rng.normal(size=(2, 9, 2)) * 2
    labels = rng.integers(0, 2, 9)
    right = (teacher.argmax(1) == labels).sum()
    assert 0 < right < 9
    loss = selective_self_distillation(
        torch.from_numpy(student),
        torch.from_numpy(teacher),
        torch.from_numpy(labels),
        share,
        temperature,
        direction,
    )
    wanted = naive(student.tolist(), teacher.tolist(), labels.tolist(), share, temperature, direction)
    assert float(loss) == pytest.approx(wanted, rel=1e-12)


def test_an_example_by_hand() -> None:
    """Teacher sure by 3 to 1 and right, student undecided: 0.7 log 2 + 0.3 (3/4 log 3/2 + 1/4 log 1/2)."""
    teacher, student = torch.tensor([[0.0, math.log(3)]]), torch.zeros(1, 2)
    loss = selective_self_distillation(student, teacher, torch.tensor([1]))
    wanted = 0.7 * math.log(2) + 0.3 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    assert float(loss) == pytest.approx(wanted, rel=1e-6)
    printed = selective_self_distillation(student, teacher, torch.tensor([1]), direction="student-teacher")
    assert float(printed) == pytest.approx(0.7 * math.log(2) + 0.15 * (math.log(2) + math.log(2 / 3)), rel=1e-6)


def test_a_teacher_that_is_wrong_everywhere_teaches_nothing() -> None:
    student = torch.zeros(2, 2, requires_grad=True)
    loss = selective_self_distillation(student, torch.tensor([[2.0, 0.0], [0.0, 2.0]]), torch.tensor([1, 0]))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0.7 * math.log(2))
    assert student.grad is not None


def test_the_student_learns_and_the_teacher_does_not() -> None:
    rng = np.random.default_rng(1)
    student, teacher = (torch.from_numpy(x).requires_grad_() for x in rng.normal(size=(2, 5, 2)))
    labels = torch.tensor([0, 1, 0, 1, 1])
    assert torch.autograd.gradcheck(lambda s: selective_self_distillation(s, teacher, labels), (student,))
    selective_self_distillation(student, teacher, labels).backward()
    assert teacher.grad is None


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
