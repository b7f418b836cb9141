// Plays payOS's own library for Node against an address, and prints what came of it as JSON.
//
//     payos_peer.cjs JOB.json      {base, client_id, api_key, checksum_key, order, code, webhooks, forged}
const { readFileSync } = require('node:fs');
const { PayOS } = require('@payos/node');

async function main(job) {
  const client = new PayOS({
    clientId: job.client_id,
    apiKey: job.api_key,
    checksumKey: job.checksum_key,
    baseURL: job.base,
    maxRetries: 0,
  });
  const { amount, description, cancelUrl, returnUrl } = job.order;
  const wanted = { orderCode: job.code, amount, description, cancelUrl, returnUrl };
  const created = await client.paymentRequests.create(wanted);
  const read = await client.paymentRequests.get(job.code);
  const cancelled = await client.paymentRequests.cancel(job.code, 'lost');
  const verified = [];
  for (const body of job.webhooks) verified.push((await client.webhooks.verify(JSON.parse(body))).orderCode);
  let refused = 0;
  for (const body of job.forged) await client.webhooks.verify(JSON.parse(body)).catch(() => (refused += 1));
  return {
    signature: await client.crypto.createSignatureOfPaymentRequest(job.order, job.checksum_key),
    qr: created.qrCode,
    link: created.paymentLinkId,
    read: read.status,
    cancelled: cancelled.status,
    verified,
    refused,
  };
}

main(JSON.parse(readFileSync(process.argv[2], 'utf8'))).then((came) => console.log(JSON.stringify(came)));
