// Bytes from a client that means no good, to a server codec whose requests do whatever they may.
// Input: one byte that says how, then the bytes of a connection; bit 0: preface and SETTINGS come before them.

#include <algorithm>
#include <memory>
#include <vector>

#include "test/fuzz/http2/checked_receiver.h"
#include "test/unit/codec/http2/codec_peers.h"

namespace pillion::codec::http2 {
namespace {

class FuzzedRequest final : public CheckedReceiver<RequestReceiver> {
 public:
  FuzzedRequest(base::BlockPool& pool, Chances& chances, ServerStream& stream)
      : CheckedReceiver(pool, chances), stream_(stream) {}

  void OnRequestHead(http::RequestHead& head, bool end) override {
    Event(end);
    PILLION_CHECK(!head_ && !head.method.empty() && !head.authority.empty());
    PILLION_CHECK((head.method_id == http::Method::kConnect) == head.path.empty());
    head_ = true;
    Read(head.headers);
    Act();
  }
  void OnRequestError(const RequestError& error) override {
    Event(true);
    PILLION_CHECK(!head_ && error.status >= 400 && !error.detail.empty());
    SendHead(error.status, true);
  }

 private:
  void SendHead(int status, bool end) {
    auto* head = arena_.New<http::ResponseHead>(arena_);
    head->status = status;
    head->headers.Add("x-answer", arena_.Copy("text"));
    if (status < 200) {
      stream_.SendInformational(*head);
      return;
    }
    head_sent_ = true;
    output_ended_ = end;
    stream_.SendHead(*head, end);
    CheckOver();
  }
  void Act() override {
    if (over_) return;
    if (!head_sent_ && chances_.Next(3) == 0) SendHead(chances_.Next(5) == 0 ? 103 : 200, chances_.Next(2) == 0);
    ActOn(stream_);
  }

  ServerStream& stream_;
};

class Events final : public ServerEvents {
 public:
  Events(base::BlockPool& pool, Chances& chances) : pool_(pool), chances_(chances) {}

  RequestReceiver* OnRequestBegin(ServerStream& stream) override {
    PILLION_CHECK(!ended);
    requests_.push_back(std::make_unique<FuzzedRequest>(pool_, chances_, stream));
    return requests_.back().get();
  }
  void OnFlood(Flood, bool fatal) override { ended = ended || fatal; }
  void OnConnectionError(std::string_view detail) override {
    PILLION_CHECK(!ended && !detail.empty());
    ended = true;
  }

  bool ended = false;

 private:
  base::BlockPool& pool_;
  Chances& chances_;
  std::vector<std::unique_ptr<FuzzedRequest>> requests_;
};

}  // namespace
}  // namespace pillion::codec::http2

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pillion::codec::http2;
  if (size < 1) return 0;
  const uint8_t mode = data[0];
  std::string bytes;
  if ((mode & 1) != 0) bytes = kPreface + SettingsFrame();
  bytes += ConnectionBytes({reinterpret_cast<const char*>(data), size});

  Options options;
  options.max_concurrent_streams = 8;
  options.send_high_watermark = 10'000;
  options.send_low_watermark = 5'000;
  options.floods.resets = 20;
  pillion::base::BlockPool pool;
  MemoryPool memory;
  Chances chances(mode + size);
  Events events(pool, chances);
  FakeLink link(pool);
  ServerConnection connection(link, events, pool, memory, options);
  constexpr size_t kPieces[] = {1, 7, 100, 4'000};
  const size_t piece = kPieces[mode >> 1 & 3];
  for (size_t at = 0; at < bytes.size(); at += piece) {
    const pillion::base::Slice slice =
        pillion::base::Slice::Copy(pool, std::string_view(bytes).substr(at, piece));
    PILLION_CHECK(connection.Receive(slice) == slice.size());
    connection.Produce(chances.Next(20'000));
    if (chances.Next(2) == 0) link.output().Clear();
    if ((mode & 8) != 0 && chances.Next(20) == 0) connection.StartDrain();
    if ((mode & 8) != 0 && chances.Next(40) == 0) connection.FinishDrain();
    if (connection.ending() != pillion::codec::Ending::kOpen) break;
  }
  if ((mode & 16) != 0) connection.ReceiveEnd();
  connection.Produce(SIZE_MAX);
  if ((mode & 32) != 0) connection.Abort("end");
  return 0;
}
