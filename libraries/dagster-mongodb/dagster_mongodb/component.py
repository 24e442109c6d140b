"""The IO manager as a Dagster component: a defs.yaml instead of Python."""

import re
from typing import Annotated

import dagster as dg
from pydantic import BaseModel, Field, ValidatorFunctionWrapHandler, WrapValidator

from dagster_mongodb.errors import OptionsError
from dagster_mongodb.io_manager import MongoDBIOManager

_FIELDS = MongoDBIOManager.model_fields
# A template that is one variable and nothing else: {{ env.NAME }} or {{ env('NAME') }}.
_VARIABLE = re.compile(r"""\s*\{\{\s*env(?:\.(\w+)|\(\s*(['"])(\w+)\2\s*\))\s*\}\}\s*""")
_PASSWORD = re.compile(r"://[^/]*:[^/]*@|password=", re.IGNORECASE)
_PYTHON = """\
import dagster as dg
from dagster_mongodb import MongoDBIOManagerComponent


@dg.component_instance
def load(context: dg.ComponentLoadContext) -> MongoDBIOManagerComponent:
    return MongoDBIOManagerComponent(uri=dg.EnvVar("{variable}"), database="{database}")
"""


def _resolve(context: dg.ResolutionContext, text: str | None) -> str | None:
    if text is None or "{" not in text:  # of '2', Dagster would make a number
        return text
    variable = _VARIABLE.fullmatch(text)
    return dg.EnvVar(variable[1] or variable[3]) if variable else context.resolve_value(text, as_type=str)


def _keep_variable(value: object, validate: ValidatorFunctionWrapHandler) -> str | None:
    """Keep an `EnvVar`, of which pydantic would make a text: the name of the variable."""
    return value if isinstance(value, dg.EnvVar) else validate(value)


_KEEP_VARIABLE = WrapValidator(_keep_variable)


def _text(description: str | None) -> dg.Resolver:
    return dg.Resolver(_resolve, inject_before_resolve=False, model_field_type=str, description=description)


class ScaffoldParams(BaseModel):
    """Options of ``dg scaffold defs dagster_mongodb.MongoDBIOManagerComponent``.

    Args:
        database: of all assets that do not name another one.
        uri_variable: the environment variable that holds the URI.
    """

    database: str = "dagster"
    uri_variable: str = "MONGODB_URI"


class _Scaffolder(dg.Scaffolder[ScaffoldParams]):
    """Writes a component that takes the URI from the environment."""

    @classmethod
    def get_scaffold_params(cls) -> type[ScaffoldParams]:
        return ScaffoldParams

    def scaffold(self, request: dg.ScaffoldRequest[ScaffoldParams]) -> None:
        """Write a defs.yaml or a component.py.

        The requirement in the defs.yaml is what `dg check yaml --validate-requirements` asks for and `dg list envs`
        shows.
        """
        variable, database = request.params.uri_variable, request.params.database
        if request.scaffold_format == "python":
            code = _PYTHON.format(variable=variable, database=database)
            (request.target_path / "component.py").write_text(code, encoding="utf-8")
            return
        dg.scaffold_component(request, {"uri": f"{{{{ env.{variable} }}}}", "database": database})
        file = request.target_path if request.append else request.target_path / "defs.yaml"
        with file.open("a", encoding="utf-8") as lines:
            lines.write(f"\nrequirements:\n  env:\n    - {variable}\n")


@dg.scaffold_with(_Scaffolder)
class MongoDBIOManagerComponent(dg.Component, dg.Model, dg.Resolvable):
    """An IO manager that keeps assets in MongoDB and writes only what differs.

    The attributes are the fields of `MongoDBIOManager`, and the key of the resource.

    Example:
        .. code-block:: yaml

            type: dagster_mongodb.MongoDBIOManagerComponent
            attributes:
              uri: "{{ env.MONGODB_URI }}"
              database: weather
            requirements:
              env:
                - MONGODB_URI

    A text that is one variable of the environment and nothing else becomes a `dagster.EnvVar`: Dagster shows its
    name and not its value, each run looks it up, and definitions load without it.
    """

    uri: Annotated[
        str,
        _KEEP_VARIABLE,
        _text(f'{_FIELDS["uri"].description} With a password only as a variable: "{{{{ env.MONGODB_URI }}}}".'),
    ] = Field(repr=False)
    database: Annotated[str, _KEEP_VARIABLE, _text(_FIELDS["database"].description)]
    resource_key: Annotated[
        str,
        dg.Resolver.default(description="Key of the resource. Assets that name no IO manager use 'io_manager'."),
    ] = "io_manager"
    app_name: Annotated[str, _KEEP_VARIABLE, _text(_FIELDS["app_name"].description)] = _FIELDS["app_name"].default
    read_preference: Annotated[str | None, _KEEP_VARIABLE, _text(_FIELDS["read_preference"].description)] = None
    write_concern: Annotated[str | None, _KEEP_VARIABLE, _text(_FIELDS["write_concern"].description)] = None
    batch_size: Annotated[int, dg.Resolver.default(description=_FIELDS["batch_size"].description)] = _FIELDS[
        "batch_size"
    ].default
    keep_intermediates_days: Annotated[
        float, dg.Resolver.default(description=_FIELDS["keep_intermediates_days"].description)
    ] = _FIELDS["keep_intermediates_days"].default

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return definitions with the IO manager.

        Args:
            context: of the loading; not used.

        Raises:
            OptionsError: the URI contains a password, which Dagster would show.
        """
        if not isinstance(self.uri, dg.EnvVar) and _PASSWORD.search(self.uri):
            raise OptionsError(
                "MongoDBIOManagerComponent: the attribute 'uri' contains a password, which Dagster would show on its "
                'pages. Put the whole URI into an environment variable and write uri: "{{ env.MONGODB_URI }}"'
            )
        fields = {name: getattr(self, name) for name in type(self).model_fields if name != "resource_key"}
        return dg.Definitions(resources={self.resource_key: MongoDBIOManager(**fields)})
