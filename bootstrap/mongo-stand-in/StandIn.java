import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.util.List;

/**
 * A stand-in for MongoDB where no server can be had: the wire protocol over TCP, one node, in memory. For tests only.
 * It knows neither replica sets nor retryable writes, so it proves nothing about them.
 *
 * <p>Arguments: host port. Prints `listening host:port`, ends on SIGTERM or when its standard input closes.
 */
public final class StandIn {
  /** The driver refuses servers that speak less than wire version 9. */
  private static final MongoVersion VERSION =
      new MongoVersion() {
        @Override
        public List<Integer> getVersionArray() {
          return List.of(7, 0, 0);
        }

        @Override
        public int getWireVersion() {
          return 21;
        }
      };

  public static void main(String[] arguments) throws Exception {
    String host = arguments[0];
    int port = Integer.parseInt(arguments[1]);
    MongoServer server = new MongoServer(new MemoryBackend().version(VERSION));
    server.enableOplog();
    server.bind(host, port);
    Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
    System.out.println("listening " + host + ":" + port);
    while (System.in.read() >= 0) {}
    System.exit(0);
  }
}
