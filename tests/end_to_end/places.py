"""Where a real server tells of alarms and shows pictures: fakes and moto over real HTTP, and the settings for them."""

import json
from typing import TYPE_CHECKING

import boto3

from tests.fakes.prusaconnect import FakePrusaConnect
from tests.fakes.receiver import Receiver
from tests.fakes.telegram import TOKEN, FakeTelegram
from tests.serving import Served

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

ANN = 42
BUCKET = "pictures-of-the-garden"
SECRET_KEY = "the-secret-key-of-the-bucket"


def telegram(api: FakeTelegram) -> dict[str, str]:
    return {
        "DESTINATIONS_PHONE_KIND": "telegram",
        "DESTINATIONS_PHONE_BOT_TOKEN": TOKEN,
        "DESTINATIONS_PHONE_CHATS": str(ANN),
        "DESTINATIONS_PHONE_API": api.url,
    }


def webhook(hook: Receiver) -> dict[str, str]:
    return {
        "DESTINATIONS_HOOK_KIND": "webhook",
        "DESTINATIONS_HOOK_URL": hook.url,
        "DESTINATIONS_HOOK_SECRET": "the receiver and we know it",
    }


def prusaconnect(service: FakePrusaConnect, tokens: dict[str, str]) -> dict[str, str]:
    """tokens: by camera."""
    return {
        "DESTINATIONS_PRINTER_KIND": "prusaconnect",
        "DESTINATIONS_PRINTER_API": service.url,
        "DESTINATIONS_PRINTER_CAMERAS": ",".join(f"{name}={token}" for name, token in tokens.items()),
    }


def copies(url: str) -> dict[str, str]:
    """url: of something that speaks S3."""
    return {
        "DESTINATIONS_COPY_KIND": "s3",
        "DESTINATIONS_COPY_BUCKET": BUCKET,
        "DESTINATIONS_COPY_ENDPOINT_URL": url,
        "DESTINATIONS_COPY_ACCESS_KEY": "key",
        "DESTINATIONS_COPY_SECRET_KEY": SECRET_KEY,
    }


def judge(url: str) -> "S3Client":
    """One who looks into the bucket."""
    return boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="judge", aws_secret_access_key="judge"
    )


def held(bucket: "S3Client") -> list[bytes]:
    found = bucket.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [bucket.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in found]


def all_told(server: Served) -> bool:
    """Whether nothing waits to be told."""
    outbox = json.loads(server.get("/api/v1/status"))["outbox"]
    return bool(outbox["pending"] == outbox["leased"] == 0)


def archived(server: Served) -> list[bytes]:
    """The pictures that lie in the archive, the oldest first."""
    found = sorted((server.state / "archive").rglob("*.jpg"))
    return [file.read_bytes() for file in found if not file.name.endswith(".thumb.jpg")]
