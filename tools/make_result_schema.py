#!/usr/bin/env python3
"""Write the JSON schema of results, xdn/report/result-1.schema.json, of the classes in xdn/report/documents.py."""

from xdn.files import write_json
from xdn.report.schema import PATH, result_schema

if __name__ == "__main__":
    write_json(PATH, result_schema())
