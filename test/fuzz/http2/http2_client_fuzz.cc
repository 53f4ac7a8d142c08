// Bytes from an upstream that means no good, to a client codec with a few requests.
// Input: one byte that says how, then the bytes of a connection; bit 0: SETTINGS come before them.

#include <algorithm>
#include <memory>
#include <vector>

#include "test/fuzz/http2/checked_receiver.h"
#include "test/unit/codec/http2/codec_peers.h"

namespace pillion::codec::http2 {
namespace {

class FuzzedResponse final : public CheckedReceiver<ResponseReceiver> {
 public:
  using CheckedReceiver::CheckedReceiver;

  void Begin(ClientConnection& connection, std::string_view method) {
    stream_ = &connection.NewStream(*this);
    auto* head = arena_.New<http::RequestHead>(arena_);
    head->method = method;
    head->method_id = http::FindMethod(method);
    head->scheme = "http";
    head->authority = "h.test:80";
    head->path = "/";
    head_sent_ = true;
    output_ended_ = chances_.Next(2) == 0;
    stream_->SendHead(*head, output_ended_);
    Act();
  }

  void OnInformational(http::ResponseHead& head) override {
    Event(false);
    PILLION_CHECK(!head_ && head.status >= 100 && head.status < 200 && head.status != 101);
    Read(head.headers);
    Act();
  }
  void OnResponseHead(http::ResponseHead& head, bool end) override {
    Event(end);
    PILLION_CHECK(!head_ && head.status >= 200 && head.status < 600);
    head_ = true;
    Read(head.headers);
    Act();
  }

 private:
  void Act() override { ActOn(*stream_); }

  ClientStream* stream_ = nullptr;
};

class Events final : public ClientEvents {
 public:
  void OnStreamEnd() override { ++ended; }
  void OnCapacityChanged() override {}
  void OnFlood(Flood, bool) override {}
  void OnConnectionError(std::string_view detail) override { PILLION_CHECK(!detail.empty()); }

  size_t ended = 0;
};

}  // namespace
}  // namespace pillion::codec::http2

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pillion::codec::http2;
  if (size < 1) return 0;
  const uint8_t mode = data[0];
  std::string bytes;
  if ((mode & 1) != 0) bytes = SettingsFrame();
  bytes += ConnectionBytes({reinterpret_cast<const char*>(data), size});

  Options options;
  options.send_high_watermark = 10'000;
  options.send_low_watermark = 5'000;
  pillion::base::BlockPool pool;
  MemoryPool memory;
  Chances chances(mode + size);
  Events events;
  FakeLink link(pool);
  std::vector<std::unique_ptr<FuzzedResponse>> responses;
  ClientConnection connection(link, events, pool, memory, options);
  const auto begin = [&](std::string_view method) {
    if (connection.capacity() == 0) return;
    responses.push_back(std::make_unique<FuzzedResponse>(pool, chances));
    responses.back()->Begin(connection, method);
  };
  for (const std::string_view method : {"GET", "POST", "HEAD"}) begin(method);
  if ((mode & 8) == 0) connection.Produce(SIZE_MAX);
  constexpr size_t kPieces[] = {1, 7, 100, 4'000};
  const size_t piece = kPieces[mode >> 1 & 3];
  for (size_t at = 0; at < bytes.size(); at += piece) {
    const pillion::base::Slice slice = pillion::base::Slice::Copy(pool, std::string_view(bytes).substr(at, piece));
    PILLION_CHECK(connection.Receive(slice) == slice.size());
    if (chances.Next(8) == 0) begin("PUT");
    connection.Produce(chances.Next(20'000));
    if (chances.Next(2) == 0) link.output().Clear();
    if (connection.ending() != pillion::codec::Ending::kOpen) break;
  }
  if ((mode & 16) != 0) connection.ReceiveEnd();
  connection.Produce(SIZE_MAX);
  PILLION_CHECK(events.ended + connection.active_streams() == responses.size());
  if ((mode & 32) != 0) connection.Abort("end");
  return 0;
}
