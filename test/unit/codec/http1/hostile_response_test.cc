// Every row of hostile responses, in one piece, byte by byte, and split in two at every position.

#include <gtest/gtest.h>

#include "test/unit/codec/http1/hostile_cases.h"
#include "test/unit/codec/http1/recorder.h"

namespace pillion::codec::http1 {
namespace {

ClientOptions Options() {
  ClientOptions options;
  options.limits.enable_trailers = true;
  return options;
}

class Player {
 public:
  explicit Player(const HostileResponse& c) : client_(Options()) {
    client_.Request(c.method, "/", *c.upgrade == '\0', c.upgrade);
  }
  void Feed(std::string_view bytes) { client_.Feed(bytes); }
  std::string Finish() {
    EXPECT_EQ(client_.codec.active_streams(), 0u);
    EXPECT_EQ(client_.codec.capacity(), client_.codec.ending() == Ending::kOpen ? 1u : 0u);
    return client_.log.Take() + std::string(EndingName(client_.codec.ending()));
  }

 private:
  Client client_;
};

// Where bytes behind a response come later than it, they are unexpected on an idle connection.
std::string Later(std::string log) {
  const std::string together = "connection error http1.unexpected_data\nstream end, not reusable\n";
  const size_t at = log.find(together);
  if (at == log.npos) return log;
  return log.replace(at, together.size(), "stream end\nconnection error http1.unexpected_data\ncapacity 0\n");
}

TEST(HostileResponses, AreUnderstoodOnlyAsTheyShould) {
  for (const HostileResponse& c : HostileResponses()) {
    SCOPED_TRACE(c.row);
    Player player(c);
    player.Feed(c.bytes);
    const std::string whole = player.Finish();
    const bool reusable = c.log.ends_with("stream end\n");
    const bool failed = c.log.find("protocol error") != std::string::npos;
    EXPECT_EQ(whole, c.log + (reusable ? "open" : failed ? "abort" : "close"));

    Player bytes(c);
    for (const char& byte : c.bytes) bytes.Feed({&byte, 1});
    EXPECT_EQ(bytes.Finish(), Later(whole));

    const size_t step = c.bytes.size() < 2000 ? 1 : c.bytes.size() / 200;
    for (size_t at = 1; at < c.bytes.size(); at += step) {
      Player halves(c);
      halves.Feed(std::string_view(c.bytes).substr(0, at));
      halves.Feed(std::string_view(c.bytes).substr(at));
      const std::string split = halves.Finish();
      ASSERT_TRUE(split == whole || split == Later(whole)) << "split at " << at << "\n" << split;
    }
  }
}

}  // namespace
}  // namespace pillion::codec::http1
