// Every row of hostile requests, in one piece, byte by byte, and split in two at every position.

#include <gtest/gtest.h>

#include "test/unit/codec/http1/hostile_cases.h"
#include "test/unit/codec/http1/recorder.h"

namespace pillion::codec::http1 {
namespace {

ServerOptions Options() {
  ServerOptions options;
  options.limits.enable_trailers = true;
  return options;
}

struct Outcome {
  std::string log;
  std::string answers;
  std::string_view ending;
  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& o) {
  return out << o.log.substr(0, 500) << "--- " << o.answers.substr(0, 500) << "--- " << o.ending;
}

class Player {
 public:
  Player() : server_(Options()) {
    server_.on_begin = [](RecordedRequest& request) {
      const auto answer = [](RecordedRequest& r) {
        if (r.ended) r.Answer(r.status == 0 ? 200 : r.status, "");
      };
      request.on_head = answer;
      request.on_data = answer;
      request.on_error = answer;
    };
  }
  void Feed(std::string_view bytes) { server_.Feed(bytes); }
  Outcome Finish() { return {server_.log.Take(), server_.link.Take(), EndingName(server_.codec.ending())}; }

 private:
  Server server_;
};

Outcome PlayWhole(std::string_view bytes) {
  Player player;
  player.Feed(bytes);
  return player.Finish();
}

TEST(HostileRequests, AreUnderstoodOnlyAsTheyShould) {
  for (const HostileCase& c : HostileRequests()) {
    SCOPED_TRACE(c.row);
    const Outcome whole = PlayWhole(c.bytes);
    EXPECT_EQ(whole.log, c.log) << whole;
    // Whatever was refused is answered, and ends the connection.
    const bool refused = c.log.find("error ") != std::string::npos;
    EXPECT_EQ(whole.answers.find("connection: close\r\n") != std::string::npos, refused);
    EXPECT_EQ(whole.ending, refused ? "linger" : "open");
    EXPECT_EQ(whole.log.find("request GET http 'h' '/smuggled'"), std::string::npos);

    Player bytes;
    for (const char& byte : c.bytes) bytes.Feed({&byte, 1});
    EXPECT_EQ(bytes.Finish(), whole);

    const size_t step = c.bytes.size() < 2000 ? 1 : c.bytes.size() / 200;
    for (size_t at = 1; at < c.bytes.size(); at += step) {
      Player halves;
      halves.Feed(std::string_view(c.bytes).substr(0, at));
      halves.Feed(std::string_view(c.bytes).substr(at));
      ASSERT_EQ(halves.Finish(), whole) << "split at " << at;
    }
  }
}

}  // namespace
}  // namespace pillion::codec::http1
