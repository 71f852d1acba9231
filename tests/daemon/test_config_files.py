"""The files in config/: each is read as the tool that it is for would read it, and held against the program."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from stacsync.daemon import signals
from stacsync.registry import load_settings
from stacsync.server import Service
from stacsync.server.metrics import Metrics
from stacsync.server.snapshot import Snapshots
from tests.kit.byhand import on_duty
from tests.kit.workspace import Workspace

CONFIG = Path(__file__).parent.parent.parent / "config"
FUNCTIONS = {"sum", "by", "max", "min_over_time", "rate", "and"}


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((CONFIG / name).read_text()))


def metric_names(service: Service) -> set[str]:
    text = Metrics(service, Snapshots(service)).exposition("")[0].decode()
    return {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}


def test_alerts_name_metrics_and_labels_that_there_are(workspace: Workspace) -> None:
    """Every metric in an alert's expression is one that /metrics serves; every rule has a severity and says what to do."""
    with on_duty(workspace) as (service, _, scheduler):
        scheduler.step()
        served = metric_names(service) | {"up"}
    rules = [rule for group in documents("prometheus-alerts.yaml")[0]["groups"] for rule in group["rules"]]
    assert len(rules) >= 6
    for rule in rules:
        expression = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\([a-z]+\) \(", " ", rule["expr"])
        expression = re.sub(r"by \([a-z, ]+\)", " ", expression)
        words = set(re.findall(r"[a-z_]{2,}", expression)) - FUNCTIONS
        assert words, rule
        assert words <= served, rule["alert"]
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description"}
        quoted = re.findall(r"stacsync_\w+", rule["annotations"]["summary"])
        assert set(quoted) <= served


def test_the_kubernetes_manifest_fits_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes ask paths that there are, the pod has longer to stop than the program needs, and the configuration is valid."""
    found = {one["kind"]: one for one in documents("kubernetes.yaml")}
    assert set(found) == {"ConfigMap", "PersistentVolumeClaim", "Deployment", "Service"}
    pod = found["Deployment"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert pod["terminationGracePeriodSeconds"] > signals.DEADLINE_SECONDS
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["securityContext"]["runAsNonRoot"] is True
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    assert found["Service"]["spec"]["selector"] == found["Deployment"]["spec"]["selector"]["matchLabels"]
    text = found["ConfigMap"]["data"]["stacsync.toml"]
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in re.findall(r"/run/secrets/stacsync/([\w-]+)", text):
        (secrets / name).write_text("a-made-up-secret")
    (tmp_path / "stacsync.toml").write_text(text.replace("/run/secrets/stacsync", str(secrets)))
    monkeypatch.chdir(tmp_path)
    settings = load_settings(tmp_path / "stacsync.toml", {})
    assert settings.server.host == "0.0.0.0"
    assert container["ports"][0]["containerPort"] == settings.server.port


def test_the_compose_file_fits_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment is a valid configuration together with a catalog; nothing is published beyond the loopback interface."""
    compose = documents("compose.yaml")[0]
    services = compose["services"]
    assert set(services) == {"stacsync", "store", "bucket", "browser"}
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    daemon = services["stacsync"]
    (tmp_path / "secret").write_text("a-made-up-secret")
    environment = {
        name: str(value).replace("/run/secrets/s3-secret", str(tmp_path / "secret"))
        for name, value in daemon["environment"].items()
    }
    (tmp_path / "stacsync.toml").write_text('[catalog]\nid = "acme-eo"\n')
    monkeypatch.chdir(tmp_path)
    settings = load_settings(tmp_path / "stacsync.toml", environment)
    assert settings.storage.secret_access_key is not None
    assert int(daemon["stop_grace_period"].removesuffix("s")) > signals.DEADLINE_SECONDS
    used = {secret for service in services.values() for secret in service.get("secrets", ())}
    assert used == set(compose["secrets"])
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        assert ":" in service["image"] or "build" in service


def test_the_systemd_unit_fits_the_program() -> None:
    """Type=notify with a watchdog, a reload that the program understands, and longer to stop than it needs."""
    unit = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case
    unit.read(CONFIG / "stacsync.service")
    service = unit["Service"]
    assert (service["Type"], service["RestartPreventExitStatus"]) == ("notify", "2")
    assert int(service["WatchdogSec"]) >= 30
    assert int(service["TimeoutStopSec"]) > signals.DEADLINE_SECONDS
    assert "-HUP" in service["ExecReload"]
    words = shlex.split(service["ExecStart"])
    assert (Path(words[0]).name, words[1]) == ("stacsync", "run")
    assert service["StateDirectory"] == Path(service["WorkingDirectory"]).name


@pytest.mark.real
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing wrong with it."""
    unit = tmp_path / "stacsync.service"
    text = (CONFIG / "stacsync.service").read_text()
    unit.write_text(text.replace("/opt/stacsync/bin/stacsync", shutil.which("true") or "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
