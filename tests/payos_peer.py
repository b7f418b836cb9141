"""Plays payOS's own library for Python against an address, and prints what came of it as JSON.

    payos_peer.py JOB.json      {base, client_id, api_key, checksum_key, order, code, webhooks, forged}
"""

import json
import sys

from payos import PayOS
from payos.types import CreatePaymentLinkRequest


def main(job):
    client = PayOS(job["client_id"], job["api_key"], job["checksum_key"], base_url=job["base"], max_retries=0)
    order = job["order"]
    wanted = CreatePaymentLinkRequest(
        order_code=job["code"],
        amount=order["amount"],
        description=order["description"],
        cancel_url=order["cancelUrl"],
        return_url=order["returnUrl"],
    )
    created = client.payment_requests.create(wanted)
    read = client.payment_requests.get(job["code"])
    cancelled = client.payment_requests.cancel(job["code"], "lost")
    refused = 0
    for body in job["forged"]:
        try:
            client.webhooks.verify(body)
        except Exception:
            refused += 1
    return {
        "signature": client.crypto.create_signature_of_payment_request(order, job["checksum_key"]),
        "qr": created.qr_code,
        "link": created.payment_link_id,
        "read": read.status,
        "cancelled": cancelled.status,
        "verified": [client.webhooks.verify(body).order_code for body in job["webhooks"]],
        "refused": refused,
    }


with open(sys.argv[1], encoding="utf-8") as file:
    print(json.dumps(main(json.load(file))))
