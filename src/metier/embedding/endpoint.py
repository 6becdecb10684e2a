"""Endpoints that speak OpenAI's `POST /embeddings`: OpenAI, Jina, vLLM, llama.cpp's server, Ollama and others.

Texts are sent in batches under a count and a token limit, as every provider refuses larger ones. Tokens can only be
estimated here, the tokenizer being at the other end: see `estimate_tokens`.
"""

from __future__ import annotations

import contextlib
import email.utils
import hashlib
import json
import math
import os
import random
import time
from collections.abc import Iterator, Sequence

import httpx
import numpy as np

from metier.core.addresses import masked
from metier.core.bounded_http import Encoded, ResponseTooLarge, httpx_client, pause, read, within
from metier.core.errors import EndpointError
from metier.core.settings import EmbeddingSettings
from metier.embedding.onnx import normalised

BATCH_TEXTS = 128
BATCH_TOKENS = 50_000  # OpenAI refuses more than 300,000 a request; estimates may be off by half
ATTEMPTS = 6
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 60.0
TIMEOUT = httpx.Timeout(120, connect=10)
CALL_SECONDS = 120.0  # for one answer, whatever comes meanwhile
MOST_BYTES, LONGEST_ERROR = 64 * 2**20, 64 * 2**10

# Documented limits of the models that people name; an unknown model gets the first line.
MAX_TOKENS = {"": 512, "text-embedding-3": 8191, "text-embedding-ada": 8191, "jina-embeddings": 8192}
PROVIDERS = {
    "openai": ("https://api.openai.com/v1", "OPENAI_API_KEY"),
    "jina": ("https://api.jina.ai/v1", "JINA_API_KEY"),
}


class EndpointEmbedder:
    """See `metier.embedding.base.Embedder`. The dimension is asked of the endpoint once, unless it is set."""

    def __init__(self, settings: EmbeddingSettings, provider: str, model: str) -> None:
        self.name = settings.model
        self._settings, self._provider, self._model = settings, provider, model
        url, key = PROVIDERS[provider]
        self._url = (settings.url or url).rstrip("/")
        self._key_name = settings.api_key_env or key
        self._dimension = settings.dimension
        self._client: httpx.Client | None = None
        self.max_tokens = max((len(start), limit) for start, limit in MAX_TOKENS.items() if model.startswith(start))[1]

    @classmethod
    def from_settings(cls, settings: EmbeddingSettings, provider: str, model: str) -> EndpointEmbedder:
        return cls(settings, provider, model)

    @property
    def dimension(self) -> int:
        if self._dimension is None:
            self._dimension = self._request(["dimension"], "passage").shape[1]
        return self._dimension

    @property
    def fingerprint(self) -> str:
        """The weights are out of sight: from provider, address, model, dimension and prefixes."""
        settings = self._settings
        parts = (self._provider, self._url, self._model, self.dimension, settings.query_prefix, settings.passage_prefix)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        return self._embed([(self._settings.passage_prefix or "") + text for text in texts], "passage")

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        return self._embed([(self._settings.query_prefix or "") + text for text in texts], "query")

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [estimate_tokens(text) for text in texts]

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _embed(self, texts: list[str], role: str) -> np.ndarray:
        # An empty text is refused by OpenAI with 400; a space is not.
        cut = [self._cut(text) or " " for text in texts]
        parts = [self._request(batch, role) for batch in _batches(cut)]
        return np.concatenate(parts) if parts else np.empty((0, self.dimension), np.float32)

    def _cut(self, text: str) -> str:
        """`text` shortened until its estimate fits the model, since endpoints answer 400 to a longer one."""
        while (tokens := estimate_tokens(text)) > self.max_tokens:
            text = text[: int(len(text) * self.max_tokens / tokens * 0.98)]
        return text

    def _request(self, texts: list[str], role: str) -> np.ndarray:
        body: dict[str, object] = {"model": self._model, "input": texts, "encoding_format": "float"}
        if self._settings.dimension:
            body["dimensions"] = self._settings.dimension
        if self._provider == "jina":
            del body["encoding_format"]
            body["task"] = f"retrieval.{role}"
        return self._vectors(self._post(body), len(texts))

    def _post(self, body: dict[str, object]) -> bytes:
        """The answer's body. Sends again after 429, a server error or a broken connection; `Retry-After` is obeyed."""
        if self._client is None:
            self._client = httpx_client(timeout=TIMEOUT)
        key = os.environ.get(self._key_name)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        for attempt in range(1, ATTEMPTS + 1):
            response, failure, said = None, None, b""
            try:
                with (
                    within(CALL_SECONDS),
                    self._client.stream("POST", f"{self._url}/embeddings", json=body, headers=headers) as response,
                ):
                    said = _read(response)
            except httpx.HTTPError as error:
                response, failure = None, error
            except (ResponseTooLarge, Encoded) as error:
                raise self._error(f"the answer cannot be used: {error}", "Is embedding.url the base URL?") from None
            except (httpx.InvalidURL, UnicodeEncodeError) as error:
                raise self._error(f"the address or the key cannot be sent ({error})", "Fix embedding.url") from error
            if response is not None and response.status_code == 200:
                return said
            lasting = isinstance(failure, httpx.ConnectError | httpx.UnsupportedProtocol) and attempt > 1
            retried = response is None or response.status_code in (408, 429) or response.status_code >= 500
            if not retried or lasting or attempt == ATTEMPTS:
                raise self._refusal(response, failure, said)
            pause(_wait(attempt, response))
        raise AssertionError("the last attempt returns or raises")

    def _vectors(self, said: bytes, count: int) -> np.ndarray:
        """The answer's vectors in the order of the texts, checked: one a text, all numbers, all of one size."""
        try:
            rows = {row["index"]: row["embedding"] for row in json.loads(said)["data"]}
            if len(rows) != count:
                raise ValueError(f"{len(rows)} vectors came for {count} texts")
            numbers = np.array([rows[index] for index in range(count)])
            if numbers.dtype.kind not in "iuf":  # texts and truth values would become numbers without a word
                raise TypeError("not all are numbers")
            vectors = numbers.astype(np.float32)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise self._error(
                f"the answer is not what /embeddings answers with ({repr(error)[:200]})",
                "Is embedding.url the base URL?",
            ) from error
        if vectors.ndim != 2 or len(vectors) != count or not np.isfinite(vectors).all():
            raise self._error(f"{count} texts were sent and {vectors.shape} numbers came back", "Try again")
        if self._dimension is not None and vectors.shape[1] != self._dimension:
            raise self._error(
                f"vectors have {vectors.shape[1]} numbers instead of {self._dimension}",
                "Set embedding.dimension to what the model gives, or leave it out",
            )
        return normalised(vectors)

    def _refusal(self, response: httpx.Response | None, failure: Exception | None, said: bytes) -> EndpointError:
        if response is None:
            return self._error(f"does not answer ({failure or 'no answer'})", "Is it running, and embedding.url right?")
        text = " ".join(said.decode("utf-8", "replace").split())[:300]
        what = f"answered {response.status_code} ({text})" if text else f"answered {response.status_code}"
        hints = {
            401: f"Set the environment variable {self._key_name} to a valid key",
            403: f"The key in {self._key_name} may not use this model",
            404: f"Is the model's name right ({self._model}), and does embedding.url end where /embeddings is added?",
            429: "The provider's limit is reached; try again later",
        }
        return self._error(what, hints.get(response.status_code, "Try again, or look at the endpoint's own log"))

    def _error(self, what: str, hint: str) -> EndpointError:
        return EndpointError(what, where=f"{masked(self._url)}/embeddings", hint=hint)


def estimate_tokens(text: str) -> int:
    """About how many tokens a byte-pair tokenizer makes of `text`, rather too many than too few.

    Characters a token, by script: Latin letters, digits and blanks 4; other letters up to U+2E7F (Cyrillic, Arabic,
    Indic and others) 2; above (Chinese, Japanese, Korean, emoji) 1.
    """
    plain = sum(1 for character in text if character < "\u0250")
    wide = sum(1 for character in text if character > "\u2e7f")
    return -(-plain // 4) + -(-(len(text) - plain - wide) // 2) + wide


def _batches(texts: list[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    tokens = 0
    for text in texts:
        size = estimate_tokens(text)
        if batch and (len(batch) == BATCH_TEXTS or tokens + size > BATCH_TOKENS):
            yield batch
            batch, tokens = [], 0
        batch.append(text)
        tokens += size
    if batch:
        yield batch


def _read(response: httpx.Response) -> bytes:
    """All of an answer, of an error its beginning. Raises as `bounded_http.read`."""
    if response.status_code == 200:
        return read(response, MOST_BYTES)
    with contextlib.suppress(ResponseTooLarge, Encoded):
        return read(response, LONGEST_ERROR)
    return b""


def _wait(attempt: int, response: httpx.Response | None) -> float:
    """Seconds before the next attempt: `Retry-After` (seconds or a date), else doubling with a random part."""
    said = response.headers.get("Retry-After", "") if response is not None else ""
    try:
        seconds = float(said)
    except ValueError:
        seconds = _until(said)
    if not math.isfinite(seconds) or seconds < 0:
        seconds = FIRST_WAIT_SECONDS * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311 - spreads retries
    return min(seconds, LONGEST_WAIT_SECONDS)


def _until(date: str) -> float:
    """Seconds until a date of HTTP; negative where it is none."""
    parsed = email.utils.parsedate_tz(date)
    try:
        return email.utils.mktime_tz(parsed) - time.time() if parsed else -1.0
    except (ValueError, OverflowError):
        return -1.0
