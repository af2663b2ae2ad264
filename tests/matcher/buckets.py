"""An S3 of one's own for a session of tests: moto's server on loopback."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests",
    "AWS_REGION": "eu-west-2",
    "AWS_DEFAULT_REGION": "eu-west-2",
    "AWS_ALLOW_HTTP": "true",
}


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket_name(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give an empty bucket, and set the variables by which it is reached."""
    for name, value in {**_CREDENTIALS, "AWS_ENDPOINT_URL": s3_endpoint}.items():
        monkeypatch.setenv(name, value)
    name = f"concord-{uuid.uuid4().hex}"
    place = {"LocationConstraint": "eu-west-2"}
    boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
    return name
