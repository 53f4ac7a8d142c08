// What an HTTP/2 hop costs in the codecs alone. Count instructions of the relay only:
//   valgrind --tool=callgrind --toggle-collect='RelayTurn*' http2_relay TURNS STREAMS [grpc]

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "test/unit/codec/http2/relay.h"

namespace {

using pillion::codec::http2::Relay;
using pillion::codec::http2::RelayLoad;

}  // namespace

extern "C" [[gnu::noinline]] void RelayTurn(Relay& relay, bool from_downstream, const pillion::base::Slice& bytes) {
  (void)(from_downstream ? relay.downstream.Receive(bytes) : relay.upstream.Receive(bytes));
  relay.EndTurn();
}

int main(int argc, char** argv) {
  const int turns = argc > 1 ? std::atoi(argv[1]) : 10'000;
  const int streams = argc > 2 ? std::atoi(argv[2]) : 16;
  const bool grpc = argc > 3 && std::string_view(argv[3]) == "grpc";
  RelayLoad load(static_cast<size_t>(streams), grpc);
  std::chrono::nanoseconds spent{};
  for (int i = 0; i < turns; ++i) {
    load.Turn([&spent](Relay& relay, bool from_downstream, const pillion::base::Slice& bytes) {
      const auto start = std::chrono::steady_clock::now();
      RelayTurn(relay, from_downstream, bytes);
      spent += std::chrono::steady_clock::now() - start;
    });
  }
  std::printf("%zu requests, %.0f ns each\n", load.relay.finished,
              static_cast<double>(spent.count()) / static_cast<double>(load.relay.finished));
}
