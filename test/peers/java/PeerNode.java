import com.ericsson.otp.erlang.*;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A node written with JInterface, as an application in Java would be: it knows no more of a coppice
 * than of any other node.
 *
 * <pre>java PeerNode NAME@HOST COOKIE</pre>
 *
 * It prints "ready NAME@HOST", then reads commands from standard input, one a line, and answers each
 * with one line; ../support/foreign_node.ex lists them. It serves the process `echo`, which answers
 * a call of GenServer with {echo, Request}. JInterface itself answers pings.
 */
public class PeerNode {
    private static final long ANSWER_MS = 10_000;

    private final OtpNode node;
    private final OtpMbox caller;
    private final Map<String, Integer> lost = new ConcurrentHashMap<>();
    private int strays;
    private OtpMbox linking;
    private OtpErlangPid linked;
    private String exitReason;

    private PeerNode(String name, String cookie) throws Exception {
        node = new OtpNode(name, cookie);
        node.registerStatusHandler(
                new OtpNodeStatus() {
                    @Override
                    public void remoteStatus(String peer, boolean up, Object info) {
                        if (!up) lost.merge(peer, 1, Integer::sum);
                    }
                });
        caller = node.createMbox();
        daemon(this::serveEcho);
        daemon(this::watchRex);
    }

    private static void daemon(Runnable task) {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        thread.start();
    }

    // --- what others ask of this node ----------------------------------------------------

    private void serveEcho() {
        OtpMbox echo = node.createMbox("echo");
        while (true) {
            try {
                OtpErlangTuple call = (OtpErlangTuple) echo.receive();
                OtpErlangTuple from = (OtpErlangTuple) call.elementAt(1);
                OtpErlangObject reply = tuple(new OtpErlangAtom("echo"), call.elementAt(2));
                echo.send((OtpErlangPid) from.elementAt(0), tuple(from.elementAt(1), reply));
            } catch (Exception wrong) {
                System.err.println("echo: " + wrong);
            }
        }
    }

    // No process here is called `rex`, so nothing should be sent to one.
    private void watchRex() {
        OtpMbox rex = node.createMbox("rex");
        while (true) {
            try {
                System.err.println("for rex: " + rex.receive());
                synchronized (this) {
                    strays++;
                }
            } catch (Exception wrong) {
                System.err.println("rex: " + wrong);
            }
        }
    }

    private synchronized String strays() {
        int count = strays;
        strays = 0;
        return count == 0 ? "0" : count + ", the last for rex";
    }

    // --- calls ------------------------------------------------------------------------------

    private static OtpErlangTuple tuple(OtpErlangObject... elements) {
        return new OtpErlangTuple(elements);
    }

    private static OtpErlangAtom atom(String name) {
        return new OtpErlangAtom(name);
    }

    private static OtpErlangObject mutate(OtpErlangObject operation) {
        return tuple(atom("mutate"), operation);
    }

    private OtpErlangObject call(String peer, String server, OtpErlangObject request)
            throws Exception {
        OtpErlangRef ref = node.createRef();
        caller.send(server, peer, tuple(atom("$gen_call"), tuple(caller.self(), ref), request));
        OtpErlangObject message = caller.receive(ANSWER_MS);
        if (message == null) throw new Exception("no reply in time");
        OtpErlangTuple reply = (OtpErlangTuple) message;
        if (!reply.elementAt(0).equals(ref)) throw new Exception("a stray message: " + message);
        return reply.elementAt(1);
    }

    /** The value in {ok, Value}. */
    private OtpErlangObject value(String peer, String server) throws Exception {
        OtpErlangTuple reply = (OtpErlangTuple) call(peer, server, atom("value"));
        if (!reply.elementAt(0).equals(atom("ok"))) throw new Exception(reply.toString());
        return reply.elementAt(1);
    }

    private String calls(String peer, String server, int count) throws Exception {
        for (int i = 0; i < count; i++) {
            OtpErlangObject reply = call(peer, server, mutate(atom("increment")));
            if (!reply.equals(atom("ok"))) throw new Exception(reply + " after " + i + " calls");
        }
        return "ok " + count;
    }

    private String large(String peer, String server, int size) throws Exception {
        byte[] bytes = new byte[size];
        for (int i = 0; i < size; i++) bytes[i] = (byte) (i * 31 + i / 251);
        OtpErlangList arguments = new OtpErlangList(new OtpErlangBinary(bytes));
        OtpErlangObject reply = call(peer, server, mutate(tuple(atom("set"), arguments)));
        if (!reply.equals(atom("ok"))) throw new Exception(reply.toString());
        byte[] got = ((OtpErlangBinary) value(peer, server)).binaryValue();
        return (Arrays.equals(bytes, got) ? "same " : "error other bytes ") + got.length;
    }

    private String link(String pid) throws Exception {
        byte[] term = new BigInteger("01" + pid, 16).toByteArray();
        linked = new OtpInputStream(Arrays.copyOfRange(term, 1, term.length)).read_pid();
        linking = node.createMbox();
        linking.link(linked);
        exitReason = "none";
        return "ok";
    }

    private String end() {
        linking.exit("finished");
        return "ok";
    }

    /** The reason of the exit signal that the linked process sent; receive() throws it once. */
    private String exitReason() throws Exception {
        try {
            linking.receive(1);
        } catch (OtpErlangExit exit) {
            exitReason = exit.reason().toString();
        }
        return exitReason;
    }

    // --- commands ---------------------------------------------------------------------------

    private String obey(String[] word) throws Exception {
        switch (word[0]) {
            case "connect":
                return node.ping(word[1], ANSWER_MS) ? "ok" : "error cannot connect";
            case "ping":
                return node.ping(word[1], ANSWER_MS) ? "pong" : "pang";
            case "increment":
                OtpErlangLong number = new OtpErlangLong(Long.parseLong(word[3]));
                OtpErlangObject operation = tuple(atom("increment"), new OtpErlangList(number));
                return call(word[1], word[2], mutate(operation)).toString();
            case "value":
                return value(word[1], word[2]).toString();
            case "calls":
                return calls(word[1], word[2], Integer.parseInt(word[3]));
            case "large":
                return large(word[1], word[2], Integer.parseInt(word[3]));
            case "link":
                return link(word[2]);
            case "end":
                return end();
            case "exit_reason":
                return exitReason();
            case "lost":
                return lost.getOrDefault(word[1], 0).toString();
            case "strays":
                return strays();
            default:
                return "error unknown command";
        }
    }

    public static void main(String[] args) throws Exception {
        PeerNode peer = new PeerNode(args[0], args[1]);
        System.out.println("ready " + args[0]);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String answer;
            try {
                answer = peer.obey(line.split(" "));
            } catch (Exception wrong) {
                answer = "error " + wrong;
            }
            System.out.println(answer.replace('\n', ' '));
        }
        System.exit(0);
    }
}
