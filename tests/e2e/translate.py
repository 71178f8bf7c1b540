"""Prints the template as CloudFormation would deploy it, without AWS: the loops unrolled, the SAM resources replaced.

For checkov, which sees neither. Called with the Python of aws-sam-cli.
"""

import json
import pathlib
import sys

from samcli.lib.cfn_language_extensions.sam_integration import expand_language_extensions
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

ROOT = pathlib.Path(__file__).resolve().parents[2]
REGION = "us-east-1"
CONTEXT = {"AWS::Region": REGION, "AWS::AccountId": "111122223333", "AWS::Partition": "aws", "AWS::StackName": "acme"}


class NoPolicies:
    """The template names no managed policies."""

    def load(self):
        return {}


class Session:
    region_name = REGION


def main():
    template = yaml_parse((ROOT / "template.yaml").read_text())
    parameters = {name: one["Default"] for name, one in template["Parameters"].items()} | CONTEXT
    expanded = expand_language_extensions(template, parameters, enabled=True).expanded_template
    expanded["Transform"] = "AWS::Serverless-2016-10-31"
    for resource in expanded["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/code"
    translator = Translator({}, Parser(), boto_session=Session())
    translated = translator.translate(expanded, parameters)
    json.dump(translated, sys.stdout, indent=1, default=str)


if __name__ == "__main__":
    main()
