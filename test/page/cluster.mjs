// A cluster for the page's tests: coppices without epmd, on ports of 127.0.0.1.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, openSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'

const program = process.env.COPPICE ?? 'priv/coppice'
const env = { ...process.env, COPPICE_COOKIE: 'cookie_of_the_page' }
const started = []

export const hostile = '<script>pwned=1</script><img src=x onerror=pwned=1>"\'&'

const freePort = () =>
  new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

// Erlang's syntax of a quoted atom or string.
const quoted = (text, quote) =>
  quote + text.replace(/[\\'"]/g, c => '\\' + c) + quote

export const atom = text => quoted(text, "'")

// Starts one and waits until it is ready.  replicas: lines of configuration.
async function start({ name, peers = [], settings = '', replicas }) {
  const port = await freePort()
  const web = await freePort()
  const node = `${name}@127.0.0.1`
  const folder = 'build/page/nodes'
  mkdirSync(folder, { recursive: true })
  const file = `${folder}/${started.length}.config`
  const connect = peers.map(peer => atom(peer.place)).join(', ')
  writeFileSync(file, `{node, ${atom(node)}}. {epmd, false}. {scope, page}.
    {listen, #{port => ${port}, address => "127.0.0.1"}}. {connect, [${connect}]}.
    {metrics, #{port => ${web}}}. ${settings}\n${replicas.join('\n')}\n`)
  const log = openSync(`${folder}/${started.length}.log`, 'w')
  const child = spawn(program, ['run', '-c', file, '--owned'], { env, stdio: ['pipe', 'pipe', log] })
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve)
    child.once('exit', code => reject(new Error(`${file}: exit ${code}`)))
  })
  const coppice = { node, file, child, place: `${node}:${port}`, url: `http://127.0.0.1:${web}/` }
  started.push(coppice)
  return coppice
}

export function mutate(coppice, replica, op, ...operands) {
  const args = ['mutate', '-c', coppice.file, coppice.node, replica, op, ...operands]
  const { status, stderr } = spawnSync(program, args, { env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`)
}

export async function stop(coppice) {
  if (coppice.child.exitCode !== null) return
  const ended = new Promise(resolve => coppice.child.once('exit', resolve))
  coppice.child.stdin.end()
  await ended
}

export const stopAll = () => Promise.all(started.map(stop))

// Waits until it is true of the page's HTML.
export async function eventually(what, isTrue, limitMs = 30_000) {
  const deadline = Date.now() + limitMs
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

export const text = async (coppice, path = '') => (await fetch(coppice.url + path)).text()

const replica = (name, options) => `{replica, ${name}, #{sync_interval => 100,
  anti_entropy_interval => 1000, ${options}}}.`

// Three that agree but for one: c3 may only read, and has an element of its own.
export async function threeOfWhichOneDiffers() {
  const reader = `{read_only, ['c3@127.0.0.1']}.`
  const shared = [
    replica('page_views', 'crdt => pncounter, group => {counter, <<"page_views">>}'),
    replica('tags', 'crdt => or_set, group => {set, <<"tags">>}'),
  ]
  const c1 = await start({
    name: 'c1',
    settings: reader,
    replicas: [
      ...shared,
      replica('title', `crdt => lww_register, storage => #{file => "build/page/nodes/title.dets"},
        snapshot_interval => 1000`),
    ],
  })
  const c2 = await start({ name: 'c2', peers: [c1], settings: reader, replicas: shared })
  const c3 = await start({ name: 'c3', peers: [c1, c2], replicas: shared })
  mutate(c1, 'page_views', 'increment', '1204')
  mutate(c2, 'tags', 'add', '<<"elixir">>')
  mutate(c1, 'tags', 'add', '<<"erlang">>')
  mutate(c1, 'title', 'set', '<<"Grüße aus dem Niederwald"/utf8>>')
  mutate(c3, 'tags', 'add', '<<"only here">>')
  return { c1, c2, c3 }
}

// One in which everything that others choose is hostile.
export async function underAttack() {
  const binary = quoted(hostile, '"')
  const coppice = await start({
    name: 'c',
    peers: [{ place: `${hostile}@127.0.0.1:1` }],
    replicas: [replica(atom(hostile), `crdt => gset, group => <<${binary}>>`)],
  })
  mutate(coppice, hostile, 'add', `<<${binary}>>`)
  return coppice
}

// One with many peers, some of which are not there.
export async function many() {
  const replicas = [replica('views', 'crdt => gcounter')]
  const peers = []
  for (let i = 1; i <= 5; i++) peers.push(await start({ name: `web${i}`, replicas }))
  const gone = [{ place: 'db1@127.0.0.1:1' }, { place: 'db2.with.a.long.name@127.0.0.1:1' }]
  return start({ name: 'hub', peers: [...peers, ...gone], replicas })
}

export const alone = () => start({ name: 'alone', replicas: [] })
