"""What a way of answering costs: time, tokens, memory, energy and money."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from metier.core.settings import CostSettings
from metier.evaluation.records import Record
from metier.evaluation.result import CostPerThousand, ModeCosts

_SECONDS_PER_HOUR = 3600
_THOUSAND, _MILLION = 1_000, 1_000_000
_FOOTPRINT_SECONDS = 600


def costs(records: Sequence[Record], prices: CostSettings, peak_memory_mb: float | None) -> ModeCosts:
    """Of the records of one mode: seconds to the first token and to the end (median and 95th percentile), mean tokens,
    and for a thousand questions seconds, energy (kWh) and money, None where no price is set."""
    answered = [record for record in records if not record.error]
    first = [record.first_token for record in answered if record.first_token is not None]
    total = [record.total for record in answered]
    prompt, completion = (
        float(np.mean(tokens)) if tokens else 0.0
        for tokens in ([r.prompt_tokens for r in answered], [r.completion_tokens for r in answered])
    )
    return ModeCosts(
        first_token_p50=_quantile(first, 0.5),
        first_token_p95=_quantile(first, 0.95),
        total_p50=_quantile(total, 0.5),
        total_p95=_quantile(total, 0.95),
        prompt_tokens=prompt,
        completion_tokens=completion,
        peak_memory_mb=peak_memory_mb,
        per_thousand=_per_thousand(float(np.mean(total)) if total else 0.0, prompt, completion, prices),
    )


def _per_thousand(seconds: float, prompt: float, completion: float, prices: CostSettings) -> CostPerThousand:
    hours = seconds * _THOUSAND / _SECONDS_PER_HOUR
    energy = hours * prices.watts / 1_000
    tokens = prompt * prices.per_million_prompt_tokens + completion * prices.per_million_completion_tokens
    money = hours * prices.per_hour + energy * prices.per_kwh + tokens * _THOUSAND / _MILLION
    return CostPerThousand(
        seconds=seconds * _THOUSAND, energy_kwh=energy or None, money=money or None, currency=prices.currency
    )


def _quantile(values: Sequence[float], share: float) -> float | None:
    return float(np.quantile(values, share)) if values else None


def peak_memory(expert: Path, mode: str, adapter: str | None, questions: Sequence[str]) -> float | None:
    """MiB that a process of its own takes at most, which opens the expert and answers `questions` in one mode, as
    the system counts it; None where the system does not tell."""
    command = [sys.executable, "-m", "metier.memory_probe", str(expert), mode, adapter or ""]
    done = subprocess.run(  # noqa: S603 - this interpreter, without a shell
        command, input="\n".join(questions), capture_output=True, text=True, timeout=_FOOTPRINT_SECONDS, check=False
    )
    try:
        return float(done.stdout.split()[-1])
    except (IndexError, ValueError):
        return None
