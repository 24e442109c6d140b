"""The files of deploy/ and .github/: valid by the schemas that packages carry, and in agreement with the code."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import entry_points, requires
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config
from packaging.requirements import Requirement
from prometheus_client import generate_latest
from sqlalchemy import make_url

from airquality_dagster.network.stations import load_network
from airquality_dagster.watching.metrics import metrics_registry

PROJECT = Path(__file__).parents[2]
DEPLOY = PROJECT / "deploy"
# The chart puts the instance into DAGSTER_HOME; its version is that of the lock file.
KUBERNETES = "1.31"


def lines_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("vendor.compose-spec", "deploy/docker/compose.yaml"),
        ("vendor.github-workflows", ".github/workflows/*.yaml"),
        ("vendor.dependabot", ".github/dependabot.yml"),
    ],
)
def test_files_that_have_a_schema_are_valid_by_it(schema, pattern):
    files = sorted(PROJECT.glob(pattern))
    assert files
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def manifests() -> list[Path]:
    found = sorted((DEPLOY / "kubernetes").glob("[bo]*/**/*.yaml"))
    return [path for path in found if path.name != "kustomization.yaml"]


@pytest.mark.parametrize("path", manifests(), ids=lambda path: str(path.relative_to(DEPLOY)))
def test_kubernetes_manifests_are_valid_and_know_no_unknown_field(path):
    for document in yaml.safe_load_all(lines_of(path)):
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_each_kustomization_names_files_that_are_there():
    for path in (DEPLOY / "kubernetes").rglob("kustomization.yaml"):
        content = yaml.safe_load(lines_of(path))
        for name in [*content["resources"], *(patch["path"] for patch in content.get("patches", ()))]:
            assert (path.parent / name).exists(), f"{path}: {name}"


def test_every_container_of_kubernetes_is_nobody_in_particular_and_bounded():
    for path in manifests():
        for document in yaml.safe_load_all(lines_of(path)):
            spec = document.get("spec", {})
            spec = spec.get("jobTemplate", {}).get("spec", spec)
            pod = spec.get("template", {}).get("spec")
            for container in pod["containers"] if pod else ():
                assert pod["securityContext"]["runAsNonRoot"]
                assert container["securityContext"]["readOnlyRootFilesystem"]
                assert container["resources"]["limits"]["memory"] == "1Gi"


def test_the_instance_of_production_is_one_that_dagster_takes(monkeypatch):
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "postgresql+psycopg2://nobody@127.0.0.1/none")
    config, _ = dagster_instance_config(str(DEPLOY))
    assert config["storage"].keys() == {"postgres"}
    defaults = yaml.safe_load(lines_of(DEPLOY / "ansible" / "roles" / "airquality" / "defaults" / "main.yml"))
    assert config["concurrency"]["pools"]["default_limit"] == defaults["airquality_stations_at_a_time"] == 4


def test_every_url_of_postgres_keeps_its_connections_open():
    example = re.findall(r"(?m)^DAGSTER_POSTGRES_URL=(.*)$", lines_of(DEPLOY / ".env.example"))
    secret = lines_of(DEPLOY / "docker" / "secrets.example" / "DAGSTER_POSTGRES_URL").split()
    for url in [*example, *secret]:
        assert make_url(url).query["plugin"] == "keep_connections"
    values = yaml.safe_load(lines_of(DEPLOY / "kubernetes" / "values.yaml"))
    assert values["postgresql"]["postgresqlParams"]["plugin"] == "keep_connections"
    plugins = {plugin.name for plugin in entry_points(group="sqlalchemy.plugins")}
    assert "keep_connections" in plugins


def test_the_example_of_an_environment_has_every_variable_that_instance_and_workspace_ask_for():
    example = dict(re.findall(r"(?m)^([A-Z_]+)=(.*)$", lines_of(DEPLOY / ".env.example")))
    asked = {
        name
        for file in ("dagster.yaml", "workspace.yaml")
        for name in re.findall(r"env: (\w+)", lines_of(DEPLOY / file))
    }
    assert len(asked) == 5
    assert asked <= example.keys()
    assert all(example[name] for name in asked)


def test_what_the_chart_adds_to_the_instance_is_what_dagster_takes(tmp_path):
    for name in ("values", "values-staging"):
        added = yaml.safe_load(lines_of(DEPLOY / "kubernetes" / f"{name}.yaml"))["additionalInstanceConfig"]
        (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(added))
        config, _ = dagster_instance_config(str(tmp_path))
        assert config["concurrency"]["runs"]["max_concurrent_runs"] > 0


def locked() -> dict[str, str]:
    """Return package → version of the lock file."""
    return dict(re.findall(r"(?m)^([a-z0-9-]+)(?:\[[^\]]*\])?==([^\s;]+)", lines_of(DEPLOY / "requirements.lock")))


def test_the_lock_file_has_every_dependency_in_a_version_that_is_allowed():
    versions = locked()
    for text in requires("airquality-dagster") or ():
        requirement = Requirement(text)
        if requirement.name == "dagster-mongodb":  # of this repository: a wheel of its own, not a download
            continue
        extras = ("", "postgres", "kubernetes")
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras):
            name = requirement.name.lower().replace("_", "-")
            assert name in versions, f"{name} is not in deploy/requirements.lock: make lock"
            assert requirement.specifier.contains(versions[name]), f"{name} {versions[name]}: make lock"


def test_the_lock_file_has_a_hash_for_every_package_and_no_address():
    text = lines_of(DEPLOY / "requirements.lock")
    pinned = re.findall(r"(?m)^\S+==.*$", text)
    assert len(pinned) > 50
    assert len(re.findall(r"(?m)^\S+==.*\\\n +--hash=sha256:", text)) == len(pinned)
    assert "://" not in text


def test_the_image_copies_only_what_is_there_and_not_ignored():
    allowed = {
        line[1:] for line in lines_of(DEPLOY / "docker" / "Dockerfile.dockerignore").splitlines() if line[:1] == "!"
    }
    for line in re.findall(r"(?m)^COPY (?!--from)(.*)$", lines_of(DEPLOY / "docker" / "Dockerfile")):
        *sources, _ = (word for word in line.split() if not word.startswith("--"))
        for source in sources:
            assert (PROJECT / source).exists(), source
            assert any(f"{path}/".startswith(f"{source}/") for path in allowed), source


def test_the_entrypoint_makes_variables_of_secrets_and_of_nothing_else(tmp_path):
    (tmp_path / "MONGODB_URI").write_text("mongodb://user:p$a`s'\"s@host/\n")
    (tmp_path / "AIRQINO_PASSWORD").write_text("")
    (tmp_path / "htpasswd").write_text("not a variable")
    done = subprocess.run(
        ["sh", DEPLOY / "docker" / "entrypoint.sh", "env"],
        env={"SECRETS_DIR": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "MONGODB_URI=mongodb://user:p$a`s'\"s@host/\n" in done.stdout
    assert "AIRQINO_PASSWORD=\n" in done.stdout
    assert "not a variable" not in done.stdout


def test_every_secret_of_compose_has_an_example_and_every_example_is_one():
    secrets = yaml.safe_load(lines_of(DEPLOY / "docker" / "compose.yaml"))["secrets"]
    examples = {path.name for path in (DEPLOY / "docker" / "secrets.example").iterdir()}
    assert {Path(secret["file"]).name for secret in secrets.values()} == examples


def test_compose_publishes_the_proxy_alone_and_on_loopback():
    services = yaml.safe_load(lines_of(DEPLOY / "docker" / "compose.yaml"))["services"]
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"proxy": ["127.0.0.1:8080:8080"]}


def test_alerts_and_dashboard_ask_for_metrics_that_there_are(database, instance):
    exposed = generate_latest(metrics_registry(load_network(), database, instance)).decode()
    known = set(re.findall(r"(?m)^# TYPE (\w+)", exposed))
    rules = yaml.safe_load(lines_of(DEPLOY / "monitoring" / "alerts.yaml"))["groups"][0]["rules"]
    panels = json.loads(lines_of(DEPLOY / "monitoring" / "grafana-dashboard.json"))["panels"]
    asked = [rule["expr"] for rule in rules] + [target["expr"] for panel in panels for target in panel["targets"]]
    used = {name for expression in asked for name in re.findall(r"\bairquality_\w+", expression)}
    assert len(used) > 8
    assert used <= known


def test_the_playbooks_are_ones_that_ansible_takes():
    ansible = Path(sys.executable).with_name("ansible-playbook")
    for playbook in ("site.yml", "rollback.yml"):
        checked = subprocess.run(
            [ansible, "--syntax-check", "-i", "inventory.example.yml", playbook],
            cwd=DEPLOY / "ansible",
            env={"PATH": f"{ansible.parent}:{os.environ['PATH']}", "HOME": os.environ["HOME"], "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.returncode == 0, checked.stderr


def test_workflows_call_what_there_is():
    calls = lines_of(PROJECT / ".github" / "workflows" / "ci.yaml")
    assert "run: .ci/run" in calls
    assert (PROJECT / ".ci" / "run").stat().st_mode & 0o100
    assert "make test" in calls
    assert "run: .ci/run test-all" in lines_of(PROJECT / ".github" / "workflows" / "test-all.yaml")


def test_a_release_waits_for_all_tests():
    jobs = yaml.safe_load(lines_of(PROJECT / ".github" / "workflows" / "release.yaml"))["jobs"]
    assert jobs["test-all"]["uses"] == "./.github/workflows/test-all.yaml"
    assert all("test-all" in jobs[name]["needs"] for name in ("pypi", "image"))
