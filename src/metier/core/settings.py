"""`metier.toml`: every setting of an expert, with its default, its unit and what it is for.

The file holds only what a person wants to differ from the defaults; `metier init` writes a short one.
Unknown names are errors, because a misspelt setting that is silently ignored costs an afternoon.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from metier.core.errors import SettingsError
from metier.core.flow_settings import FlowSettings
from metier.core.intervals import Interval
from metier.core.source_settings import Section, SourceSettings
from metier.core.storage_settings import StateSettings
from metier.core.storage_settings import StoreSettings as StoreSettings  # other packages take it from here

FILE_NAME = "metier.toml"
STATE_FOLDER = ".metier"
STATE_FILE = "catalog.sqlite"  # in it: what the tool remembers beside passages
MIB = 2**20
LANGUAGE_CODE = r"[a-z]{2,3}(-[A-Za-z0-9]+)*"  # BCP-47
_ORIGIN = re.compile(r"https?://[A-Za-z0-9._-]+(:\d{1,5})?")
_PATH_PREFIX = re.compile(r"(/[A-Za-z0-9][A-Za-z0-9._~-]*)*")
_HOST_NAME = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")


class ParsingSettings(Section):
    timeout_seconds: float = Field(120, gt=0, description="a document that takes longer is given up")
    memory_mb: int = Field(3072, ge=256, description="address space of the parsing process, in MiB")
    max_file_mb: float = Field(200, gt=0, description="larger files are refused, in MiB")
    max_text_mb: float = Field(20, gt=0, description="a document that unpacks to more text is refused, in MiB")
    ocr: Literal["auto", "never"] = Field("auto", description="auto: tesseract on pages without a text layer")
    ocr_languages: str = Field("", description="tesseract languages, e.g. ben+eng; empty = from the expert's language")
    hidden: bool = Field(False, description="read what its author hid or struck out: sheets, rows, slides, text")
    vision: str = Field(
        "",
        pattern=r"^(openai:\S+)?$",
        description="openai:NAME: this model sees the pictures of documents, and scans that OCR cannot read, and "
        "describes them; empty = none does",
    )
    vision_url: str | None = Field(None, description="base URL of an OpenAI-compatible endpoint with that model")
    vision_key_env: str | None = Field(None, description="environment variable that holds its key")
    vision_pictures: int = Field(40, ge=1, description="pictures of one document that are described, at most")
    sandbox: bool = Field(
        True, description="readers open no files, no network and no keys (Linux); false: a plug-in's reader needs them"
    )

    @property
    def max_file_bytes(self) -> int:
        return int(self.max_file_mb * MIB)


class PassageSettings(Section):
    tokens: int = Field(200, ge=16, description="target length of a passage, in tokens of the embedder")
    overlap: int = Field(0, ge=0, description="tokens repeated from one passage to the next inside one section")


class EmbeddingSettings(Section):
    model: str = Field(
        "all-minilm-l6-v2",
        description="packaged name, or backend:name (onnx:FOLDER, gguf:FILE, sentence-transformers:NAME, "
        "openai:text-embedding-3-small, jina:jina-embeddings-v3), or what another package adds",
    )
    url: str | None = Field(None, description="base URL of an OpenAI-compatible endpoint")
    api_key_env: str | None = Field(None, description="environment variable that holds the key")
    dimension: int | None = Field(None, ge=1, description="shorten vectors to this, where the model allows it")
    query_prefix: str | None = Field(None, description="text before a query; None = the model's own")
    passage_prefix: str | None = Field(None, description="text before a passage; None = the model's own")
    threads: int | None = Field(None, ge=1, description="CPU threads, None = all cores")


class SyncSettings(Section):
    watch: bool = Field(False, description="`metier serve` syncs by itself, as `metier sync --watch` does")
    every: Interval = Field("1h", description="how often sources are looked at while changes are watched")
    quiet: Interval = Field("1s", description="files must not have changed for so long before they are read")


class RetrievalSettings(Section):
    candidates: int = Field(100, ge=1, description="passages taken from each of dense and lexical before fusion")
    passages: int | None = Field(
        None, ge=1, description="passages shown to the model or read for sentences, None = learned by calibrate, else 4"
    )
    fusion_weight: float | None = Field(
        None, ge=0, le=1, description="share of the dense score, None = learned from the corpus by sync and calibrate"
    )
    reranker: str | None = Field(None, description="cross-encoder: onnx:FOLDER or sentence-transformers:NAME")
    rerank_candidates: int = Field(20, ge=1, description="fused passages given to the reranker")


class GenerationSettings(Section):
    model: str = Field(
        "smollm2-135m-instruct",
        description="packaged name, gguf:FILE, hf:OWNER/NAME[/FILE.gguf], openai:NAME, or what another package adds",
    )
    url: str | None = Field(None, description="base URL of an OpenAI-compatible endpoint")
    api_key_env: str | None = Field(None, description="environment variable that holds the key")
    adapter_folder: str | None = Field(
        None,
        description="the expert's .metier/adapters as the endpoint sees it: vLLM is told to load from it what is "
        "promoted; None = it has each adapter by its name already, as turbines@2",
    )
    adapter_urls: tuple[str, ...] = Field(
        (), description="base URLs of all servers behind a balancer at url, each of which is to have the adapters"
    )
    parallel: int = Field(4, ge=1, description="passages an endpoint is asked about at once when it writes data")
    context_tokens: int | None = Field(
        None,
        ge=256,
        description="prompt and answer together, None = as the model or endpoint says, of a file up to 8192",
    )
    max_tokens: int | None = Field(None, ge=1, description="longest answer, None = by style of answering")
    temperature: float = Field(0.0, ge=0, le=2)
    top_p: float = Field(1.0, gt=0, le=1, description="share of the probability that is drawn from")
    seed: int = 0
    threads: int | None = Field(None, ge=1, description="CPU threads, None = all cores")
    gpu_layers: int = Field(0, ge=0, description="layers on the GPU; 999 = all")
    timeout_seconds: float = Field(
        600,
        gt=0,
        description="an endpoint that takes longer for a whole answer is given up, whatever it sends meanwhile",
    )

    @property
    def behind_endpoint(self) -> bool:
        """Whether the model is at a server, which has the weights."""
        return self.model.startswith("openai:")


class AnsweringSettings(Section):
    instruction: str | None = Field(None, description="replaces the built-in system prompt")
    refusal: str | None = Field(
        None, description="what is said when nothing was found, None = in the expert's language"
    )
    style: Literal["auto", "written", "quoted"] = Field(
        "auto",
        description="written: the model's own text; quoted: the best sentence or row of a source; auto: written for an "
        "endpoint and a model of a billion parameters or more",
    )
    source_tokens: int | None = Field(
        None, ge=64, description="written: tokens of sources the model reads, None = as the context allows, up to 6000"
    )
    context: Literal["auto", "passages", "sentences"] = Field(
        "auto", description="quoted: what the model reads; a model under a billion parameters reads sentences better"
    )
    sentences: int = Field(3, ge=1, description="with context = sentences: how many, the best first")
    reader: str = Field(
        "auto", description="model that tells whether and where a passage answers: auto (packaged), none, onnx:FOLDER"
    )
    checker: str = Field(
        "auto", description="how sentences are checked against sources: auto, or a cross-encoder as onnx:FOLDER"
    )
    abstain: bool = Field(True, description="refuse where the documents hold no answer")
    sql_adapter: str | None = Field(
        None, description="adapter of `metier tune --sql` that writes queries to the tables: NAME or NAME@VERSION"
    )


class TuningSettings(Section):
    base: str | None = Field(
        None, description="weights to tune: folder, gguf:FILE, hf:OWNER/NAME; None = the model that answers"
    )
    method: Literal["lora", "qlora"] = Field("lora", description="qlora: the frozen weights in 4 bits (NF4)")
    rank: int = Field(16, ge=1, description="rank of the adapter's matrices")
    alpha: float = Field(32, gt=0, description="the adapter is added alpha / rank times")
    modules: tuple[str, ...] = Field(
        (), description="matrices with an adapter, as qkv_proj; empty = all linear layers but the output head"
    )
    rslora: bool = Field(False, description="alpha / sqrt(rank) instead; cannot be served by llama.cpp")
    dora: bool = Field(False, description="magnitudes learned apart; cannot be served by llama.cpp")
    dropout: float = Field(0.0, ge=0, lt=1, description="of what goes into the adapter")
    epochs: float = Field(3, gt=0, description="times that every row is seen")
    max_steps: int | None = Field(None, ge=1, description="steps after which a run ends, None = after its epochs")
    batch: int = Field(16, ge=1, description="rows of one optimizer step")
    learning_rate: float = Field(2e-4, gt=0, description="peak, after the warm-up")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps in which the learning rate rises")
    schedule: Literal["cosine", "linear", "constant"] = Field("cosine", description="how it falls after that")
    weight_decay: float = Field(0.0, ge=0)
    clip: float = Field(1.0, gt=0, description="largest norm of the gradient of a step")
    max_length: int = Field(2048, ge=16, description="rows with more tokens are left out, and counted")
    micro_tokens: int = Field(2048, ge=16, description="tokens that go through the model at once; memory depends on it")
    gradient_checkpointing: bool = Field(False, description="compute activations twice: less memory, a third slower")
    validation: float = Field(0.1, ge=0, lt=1, description="share of the rows kept apart to see when to stop")
    evaluations: int = Field(10, ge=1, description="how often in a run the validation loss is measured")
    patience: int = Field(3, ge=1, description="evaluations without a better validation loss after which a run stops")
    checkpoint_seconds: float = Field(60, ge=0, description="a killed run goes on from the last checkpoint")
    dtype: Literal["auto", "bfloat16", "float32"] = Field("auto", description="auto: bfloat16 where the machine has it")
    device: str = Field("auto", description="cpu, cuda, cuda:1; auto = the first GPU, else the CPU")
    sharding: Literal["auto", "none", "fsdp"] = Field(
        "auto",
        description="of the frozen weights over several GPUs: none = a copy on each, fsdp = a part on each; auto = "
        "none where a copy fits",
    )
    dpo_beta: float = Field(
        0.1, gt=0, description="of `metier tune --dpo`: the higher, the nearer the adapter stays to where it started"
    )
    dpo_learning_rate: float = Field(2e-5, gt=0, description="peak of `metier tune --dpo`, far below that of rows")
    seed: int = 0
    license: str | None = Field(
        None, description="SPDX name, as apache-2.0, that model cards of adapters carry; None = it says unstated"
    )


class ExamSettings(Section):
    practice: float = Field(0.4, gt=0, lt=1, description="share of the questions to practise on; the rest is the exam")
    release: float = Field(
        0.5, ge=0, lt=1, description="share of the exam that only `metier compare --half release` asks; 0 = none"
    )
    margin: float = Field(0.03, gt=0, lt=1, description="a way worse than the best by no more than this will do")
    must_cite: bool = Field(False, description="answers must show where they stand")
    must_refuse: float | None = Field(
        None, ge=0, le=1, description="share of the unanswerable questions that must be refused, at least"
    )
    latency_seconds: float | None = Field(None, gt=0, description="95 of 100 answers must be there by then")
    memory_mb: float | None = Field(None, gt=0, description="peak memory of the process, at most, in MiB")
    data_changes: bool | None = Field(
        None, description="whether documents change so often that no adapter keeps up, None = read off the syncs"
    )


class CostSettings(Section):
    """Prices; 0 = not counted."""

    currency: str = Field("EUR", description="of all prices here")
    per_hour: float = Field(0, ge=0, description="of the machine")
    per_gb_month: float = Field(0, ge=0, description="of storage, 10^9 bytes for a month")
    per_million_prompt_tokens: float = Field(0, ge=0, description="read by the model")
    per_million_completion_tokens: float = Field(0, ge=0, description="written by the model")
    watts: float = Field(0, ge=0, description="drawn by the machine while it answers")
    per_kwh: float = Field(0, ge=0, description="of electricity")


class FeedbackSettings(Section):
    at_once: bool = Field(False, description="corrections take effect without review, whoever gives them")


class ServingSettings(Section):
    host: str = Field("127.0.0.1", description="address to listen on; any other than loopback wants keys")
    port: int = Field(8000, ge=0, le=65535, description="0 = one that is free")
    parallel: int = Field(
        4, ge=1, description="answers written at the same time; each takes memory for a whole context"
    )
    queue: int = Field(32, ge=0, description="questions that may wait; more are told to come again (429)")
    timeout_seconds: float = Field(
        600, gt=0, description="a question that takes longer is given up; a large model on a CPU writes for minutes"
    )
    request_mb: float = Field(1, gt=0, description="larger requests are refused (413), in MiB")
    question_characters: int = Field(
        20_000, ge=1, description="longest question, prompt, search or text for a vector; longer ones are refused (413)"
    )
    conversation_characters: int = Field(
        200_000, ge=1, description="longest conversation that comes with a question, instructions included"
    )
    embedding_texts: int = Field(2048, ge=1, description="texts of one request for vectors")
    embedding_characters: int = Field(500_000, ge=1, description="characters of all these texts together")
    client_seconds: float = Field(
        30, gt=0, description="a client that takes longer to send a request, or to take what it is sent, is cut off"
    )
    connections: int = Field(256, ge=1, description="open at once from one address; a proxy is one address")
    names: tuple[str, ...] = Field((), description="public host names, as a proxy before the server asks for it")
    origins: tuple[str, ...] = Field(
        (), description="other sites whose pages may call the API, with a key: https://intranet.example (CORS)"
    )
    path_prefix: str = Field("", description="path below which a proxy shows the server: /metier, taken off or left on")
    open_loopback: bool = Field(
        False, description="on loopback neither the owner's token nor a key is needed: every account there is the owner"
    )
    log: Literal["auto", "text", "json", "off"] = Field(
        "auto", description="a line for each request; auto: text on a terminal, else json; off: only what goes wrong"
    )
    log_questions: bool = Field(False, description="questions stand in the log")
    traces: str | None = Field(
        None, description="OpenTelemetry collector, http://HOST:4318; env = as OTEL_EXPORTER_OTLP_ENDPOINT says"
    )

    def model_post_init(self, _context: object) -> None:
        for name in self.names:
            if not _HOST_NAME.fullmatch(name):
                raise ValueError(f"{name!r} in names is no host name: give it without scheme, port and path")
        for origin in self.origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} in origins is no origin: give https://name or https://name:port, no path")
        if not _PATH_PREFIX.fullmatch(self.path_prefix):
            raise ValueError(f"{self.path_prefix!r} in path_prefix is no path: give it as /metier, no slash at its end")
        if self.traces and self.traces != "env" and not self.traces.startswith(("http://", "https://")):
            raise ValueError("traces is neither env nor an address such as http://collector:4318")


class Settings(Section):
    """All of `metier.toml`."""

    name: str = Field("expert", min_length=1, max_length=100)
    id: str | None = Field(
        None, pattern="^[0-9a-f]{12}$", description="tells experts of one name apart in a database; made by metier init"
    )
    language: str = Field("en", pattern=f"^{LANGUAGE_CODE}$", description="BCP-47 code of the documents")
    sources: tuple[SourceSettings, ...] = ()
    parsing: ParsingSettings = ParsingSettings()
    passages: PassageSettings = PassageSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    store: StoreSettings = StoreSettings()
    sync: SyncSettings = SyncSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    generation: GenerationSettings = GenerationSettings()
    answering: AnsweringSettings = AnsweringSettings()
    tuning: TuningSettings = TuningSettings()
    exam: ExamSettings = ExamSettings()
    costs: CostSettings = CostSettings()
    flow: FlowSettings = FlowSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    serving: ServingSettings = ServingSettings()
    state: StateSettings = StateSettings()

    @property
    def own_store(self) -> StoreSettings:
        """`[store]` as it is of this expert among others in the same place."""
        return self.store.of_expert(self.name, self.id)

    @property
    def own_state(self) -> StateSettings:
        """`[state]`, likewise."""
        return self.state.of_expert(self.name, self.id)


def with_tuning(settings: Settings, changes: Mapping[str, object]) -> Settings:
    """The settings with others of `[tuning]`, as options of `metier tune`. Raises `SettingsError`."""
    plain = settings.model_dump(exclude_unset=True)
    return validate(plain | {"tuning": plain.get("tuning", {}) | dict(changes)}, "metier tune")


def load(folder: Path) -> Settings:
    """Read `folder/metier.toml`. Raises `SettingsError` naming the line or the setting that is wrong."""
    path = folder / FILE_NAME
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            "there is no expert here",
            where=str(folder),
            hint="Make one with `metier init NAME`, or name its folder.",
        ) from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"is not UTF-8 text ({error.reason} at byte {error.start})", where=str(path)) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"is not valid TOML: {error}", where=str(path), hint="Fix that line, or restore the file from a backup."
        ) from None
    except OSError as error:
        raise SettingsError(error.strerror or str(error), where=str(path)) from None
    return validate(raw, str(path))


def validate(raw: dict[str, object], where: str) -> Settings:
    """Check plain values against the model. Raises `SettingsError` that lists every wrong setting at once."""
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        problems = []
        for item in error.errors():
            name = ".".join(str(part) for part in item["loc"]) or "file"
            said = "no such setting" if item["type"] == "extra_forbidden" else item["msg"].removeprefix("Value error, ")
            problems.append(f"{name}: {said}")
        raise SettingsError(
            "; ".join(problems), where=where, hint="`metier doctor` lists all settings with their defaults."
        ) from None


def cache_folder() -> Path:
    """Where models are kept: $METIER_CACHE, else the user's cache folder."""
    if explicit := os.environ.get("METIER_CACHE"):
        return Path(explicit)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "metier"
