#!/usr/bin/python
"""Keep a page at an address that stays for each student, which leads to today's machine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stable_pages
short_description: Keep a page at an address that stays for each student, which leads to today's machine
description:
  - Makes a bucket of S3 for the class in which everybody may read what they know the address of, and nobody may list.
    Its name is free and nobody guesses it; it is remembered before the bucket is made.
  - Writes the pages that are not as they should be, and removes those of students who are not given any more. Where all
    is as it should be, it asks twice.
  - Where the account or its organisation lets nobody read without credentials, it says so and does not fail.
  - amazon.aws.s3_bucket asks a dozen questions each time, and amazon.aws.s3_object is a task for each page.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - machine_learning.classroom.attributes
options:
  state:
    description: Whether there are to be pages. Without them the bucket goes as well.
    type: str
    choices: [present, absent]
    default: present
  class_name:
    description: The class; the bucket has it in its name and in its tag C(Class).
    type: str
    required: true
  record:
    description: The file in which the bucket is remembered, mode 0600; its folder must exist.
    type: path
    required: true
  template:
    description: The page's text. In it C(WAY) stands as the whole content of an element for what the page has to know.
    type: str
    default: ""
  pages:
    description: All pages that there are to be. Without it, it is only seen to that there can be some.
    type: list
    elements: dict
    suboptions:
      address:
        description: What nobody guesses, behind the name of the bucket.
        type: str
        required: true
      word:
        description: What the machine must prove to know before it is sent a secret.
        type: str
        required: true
      host:
        description: The machine's name or address; empty where there is none.
        type: str
        default: ""
      secret:
        description: The secret of the link to the machine.
        type: str
        default: ""
  timeout:
    description: How many seconds to wait until a bucket that was opened can be read.
    type: int
    default: 30
attributes:
  check_mode:
    details: It only asks.
"""

EXAMPLES = r"""
- name: See to it that students can have pages
  machine_learning.classroom.stable_pages:
    class_name: ml101
    record: "{{ class_state_dir }}/pages.json"

- name: Lead them to today's machines
  machine_learning.classroom.stable_pages:
    class_name: ml101
    record: "{{ class_state_dir }}/pages.json"
    template: "{{ lookup('ansible.builtin.template', 'page.html.j2') }}"
    pages:
      - address: "{{ a_word_that_nobody_guesses }}"
        word: "{{ another_one }}"
        host: 192.0.2.1
        secret: "{{ a_third_one }}"

- name: Remove pages and bucket
  machine_learning.classroom.stable_pages:
    class_name: ml101
    record: "{{ class_state_dir }}/pages.json"
    state: absent
"""

RETURN = r"""
url:
  description: Where the pages are; empty where there are none.
  type: str
  returned: success
  sample: https://ml101-pages-0123456789abcdef.s3.eu-central-1.amazonaws.com
closed:
  description: Why nobody could read them, and what to do; empty where everybody can.
  type: str
  returned: success
written:
  description: How many pages were written.
  type: int
  returned: success
removed:
  description: How many pages were removed.
  type: int
  returned: success
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import read_json, write_json
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import (
    explain,
    is_closed_to_the_public,
    pages_closed,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.pages.bucket import (
    ROBOTS,
    ROBOTS_TEXT,
    new_name,
    openness,
    policy,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.pages.page import Page, PageError, etag

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore import UNSIGNED
    from botocore.exceptions import BotoCoreError, ClientError

NOT_THERE = "NoSuchBucket"
FIRST_REGION = "us-east-1"  # where a bucket is that says no region
MOST_AT_ONCE = 1000  # https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
AT_ONCE = 8  # requests
SECONDS_BETWEEN_LOOKS = 1
# Addresses of the region's own. The one for all regions sends browsers on for a day after a bucket was made, and then
# pages would have another origin than the front expects.
ADDRESSES = {"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}


def main() -> None:
    """Run the module."""
    text: dict[str, Any] = {"type": "str", "required": True}
    hidden = {**text, "no_log": True}
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "class_name": text,
            "record": {"type": "path", "required": True},
            "template": {"type": "str", "default": ""},
            "pages": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "address": hidden,
                    "word": hidden,
                    "host": {"type": "str", "default": ""},
                    "secret": {"type": "str", "default": "", "no_log": True},
                },
            },
            "timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    try:
        result = Bucket(module).work()
    except PageError as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json(msg=explain(error, module.region))
    module.exit_json(**result)


class Bucket:
    """The bucket of a class, as it is remembered."""

    def __init__(self, module: Any) -> None:
        """Look into the record."""
        self._given, self._check = module.params, module.check_mode
        self._record = read_json(self._given["record"])
        self._region = module.region
        self._s3 = module.client("s3")
        self._anybody = module.client("s3", config={"signature_version": UNSIGNED, "s3": ADDRESSES})

    @property
    def name(self) -> str:
        """What it is called; empty: there is none yet."""
        return str(self._record.get("bucket", ""))

    def work(self) -> dict[str, Any]:
        """Do what is asked for."""
        return self._remove() if self._given["state"] == "absent" else self._keep()

    def _keep(self) -> dict[str, Any]:
        wanted = {ROBOTS: ROBOTS_TEXT}
        for page in self._given["pages"] or ():
            wanted[page["address"]] = Page(**page).content(self._given["template"])
        found = self._content() if self.name else None
        there = found or {}
        written = [name for name, content in wanted.items() if there.get(name) != etag(content)]
        removed = [name for name in there if self._given["pages"] is not None and name not in wanted]
        result = {
            "changed": bool(written or removed),
            "url": self._record.get("url", ""),
            "closed": "",
            "written": len([name for name in written if name != ROBOTS]),
            "removed": len(removed),
        }
        if self._check:
            return result
        if found is None:
            self._create()
        self._put({name: wanted[name] for name in written})
        self._delete(removed)
        closed = self._open()
        url = "" if closed else self._address(ROBOTS).removesuffix(f"/{ROBOTS}")
        changed = result["changed"] or url != self._record.get("url")
        self._remember(self.name, url)
        return result | {"changed": changed, "url": url, "closed": closed}

    def _remove(self) -> dict[str, Any]:
        found = self._content() if self.name else None
        if self.name and not self._check:
            if found is not None:
                self._delete(list(found))
                self._s3.delete_bucket(Bucket=self.name)
            os.unlink(self._given["record"])
        pages = [name for name in found or () if name != ROBOTS]
        return {"changed": bool(self.name), "url": "", "closed": "", "written": 0, "removed": len(pages)}

    def _content(self) -> dict[str, str] | None:
        """Return what S3 calls the content of each object; None if there is no bucket."""
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.name)
            return {each["Key"]: each["ETag"] for page in pages for each in page.get("Contents", ())}
        except ClientError as error:
            if error.response["Error"]["Code"] == NOT_THERE:
                return None
            raise

    def _create(self) -> None:
        """Make the bucket, whose name is remembered first, so that a run that is killed leaves none that is not."""
        if not self.name:
            self._remember(new_name(self._given["class_name"]), "")
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
        self._s3.create_bucket(Bucket=self.name, **({} if self._region == FIRST_REGION else elsewhere))

    def _open(self) -> str:
        """Let everybody read, if not everybody can; return why not, in words.

        Only who asks as everybody does knows: the account may forbid it, or its organisation, above all policies.
        """
        if self._can_be_read():
            return ""
        tag = {"Key": "Class", "Value": self._given["class_name"]}
        self._s3.put_bucket_tagging(Bucket=self.name, Tagging={"TagSet": [tag]})
        self._s3.put_public_access_block(Bucket=self.name, PublicAccessBlockConfiguration=openness())
        try:
            self._s3.put_bucket_policy(Bucket=self.name, Policy=policy(self.name, self._s3.meta.partition))
        except ClientError as error:
            if is_closed_to_the_public(error):
                return pages_closed("S3 Block Public Access is set for the whole account")
            raise
        deadline = time.monotonic() + self._given["timeout"]
        while not self._can_be_read():
            if time.monotonic() > deadline:
                return pages_closed("S3 refuses readers without credentials, whatever the bucket's own policy allows")
            time.sleep(SECONDS_BETWEEN_LOOKS)
        return ""

    def _can_be_read(self) -> bool:
        try:
            self._anybody.get_object(Bucket=self.name, Key=ROBOTS)
        except ClientError:
            return False
        return True

    def _put(self, contents: Mapping[str, bytes]) -> None:
        def put(name: str) -> None:
            self._s3.put_object(
                Bucket=self.name,
                Key=name,
                Body=contents[name],
                ContentType=f"text/{'plain' if name == ROBOTS else 'html'}; charset=utf-8",
                CacheControl="no-store",
            )

        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(put, contents))

    def _delete(self, names: list[str]) -> None:
        for batch in _batches(names):
            told = self._s3.delete_objects(
                Bucket=self.name, Delete={"Objects": [{"Key": name} for name in batch], "Quiet": True}
            )
            for error in told.get("Errors", ()):
                raise ClientError({"Error": {"Code": error["Code"], "Message": error["Message"]}}, "DeleteObjects")

    def _address(self, name: str) -> str:
        """Return the address at which everybody finds an object."""
        return str(self._anybody.generate_presigned_url("get_object", {"Bucket": self.name, "Key": name}))

    def _remember(self, bucket: str, url: str) -> None:
        self._record = {"bucket": bucket, "url": url}
        write_json(self._given["record"], self._record)


def _batches(names: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(names), MOST_AT_ONCE):
        yield names[first : first + MOST_AT_ONCE]


if __name__ == "__main__":
    main()
