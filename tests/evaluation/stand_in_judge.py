"""A server that stands in for a judge: a large model behind an OpenAI-compatible endpoint cannot run here.

It speaks the protocol for real, and judges by a rule that a test can foresee: an accepted answer stands in the answer.
"""

from __future__ import annotations

from dataset.stand_in_teacher import StandInTeacher


class StandInJudge(StandInTeacher):
    def write(self, messages: list[str]) -> str:
        accepted, _, answer = messages[-1].partition("\n\nAnswer to grade:\n")
        right = any(line[2:] in answer for line in accepted.splitlines() if line.startswith("- "))
        return f"It could be RIGHT or WRONG. I say: {'RIGHT' if right else 'WRONG'}"
