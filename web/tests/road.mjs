// A road to the server that can be slow, closed, or lose what comes back on it.

import http from 'node:http'

/**
 * Listens on a free port and hands everything on. A rule says what happens to the requests it fits, as often as `times`
 * says (else always): `slow` waits `ms` before it hands on, `refuse` cuts the connection, `lose` hands on and cuts the
 * connection instead of answering, `answer` says `status` by itself, `swallow` never says anything.
 */
export async function road(to) {
  const sockets = new Set()
  const told = []
  let rules = []
  let open = true

  const server = http.createServer((request, response) => {
    const rule = rules.find((one) => (!one.method || one.method === request.method) && (!one.path || one.path.test(request.url)) && one.times !== 0)
    if (rule?.times) rule.times--
    const how = rule?.how ?? 'pass'
    told.push({ how, method: request.method, path: request.url, key: request.headers['idempotency-key'] })
    if (how === 'swallow') return
    if (how === 'refuse') return request.socket.destroy()
    if (how === 'answer') return response.writeHead(rule.status, { 'Content-Type': 'text/html' }).end('<h1>down for a moment</h1>')
    setTimeout(() => handOn(request, response, how === 'lose'), how === 'slow' ? rule.ms : 0)
  })
  server.on('connection', (socket) => {
    if (!open) return socket.destroy()
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  })

  function handOn(request, response, lose) {
    const { hostname, port } = new URL(to())
    const headers = { ...request.headers, connection: 'close' }
    const onward = http.request({ hostname, port, method: request.method, path: request.url, headers }, (answer) => {
      if (lose) {
        answer.resume()
        answer.on('end', () => request.socket.destroy())
        return
      }
      response.writeHead(answer.statusCode, answer.headers)
      // A stream's first word may be long in coming.
      response.flushHeaders()
      answer.pipe(response)
      answer.on('error', () => response.destroy())
    })
    onward.on('error', () => request.socket.destroy())
    response.on('close', () => onward.destroy())
    request.pipe(onward)
  }

  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    told,
    rule: (...all) => (rules = all),
    clear: () => (rules = []),
    close: () => {
      open = false
      for (const socket of sockets) socket.destroy()
    },
    open: () => (open = true),
    end: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
