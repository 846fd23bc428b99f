"""The bucket that the stable pages of a class are kept in: what it is called, and who may read what in it."""

from __future__ import annotations

import json
import re
import secrets

ROBOTS = "robots.txt"
"""It keeps search engines away, and tells whether everybody may read what is in the bucket."""

ROBOTS_TEXT = b"User-agent: *\nDisallow: /\n"

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html: 63 characters at most.
_LONGEST_CLASS = 40
_NAME = re.compile(r"[a-z0-9-]+-pages-[0-9a-f]{16}")


def new_name(class_name: str) -> str:
    """Return a name that is free: bucket names are everybody's, and nobody guesses this one."""
    readable = re.sub(r"[^a-z0-9-]", "-", class_name.lower())[:_LONGEST_CLASS].strip("-")
    return f"{readable}-pages-{secrets.token_hex(8)}"


def is_name(bucket: str) -> bool:
    """Tell whether a bucket may be one of ours, by its name."""
    return bool(_NAME.fullmatch(bucket))


def openness() -> dict[str, bool]:
    """Return a bucket's block of public access: no ACL ever counts, but its policy may let everybody read."""
    return {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }


def policy(bucket: str, partition: str) -> str:
    """Return the policy: everybody may read what they know the address of, and nobody may list."""
    statement = {
        "Sid": "ReadWhatYouKnowTheAddressOf",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:{partition}:s3:::{bucket}/*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
