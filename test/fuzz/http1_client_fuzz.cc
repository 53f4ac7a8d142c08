// Input: one byte for the request and its options, one for the size of pieces, then what a server answers.

#include <algorithm>
#include <cstdint>

#include "test/fuzz/http1_model.h"

namespace pillion::codec::http1 {
namespace {

// Writes the response as the proxy does when it forwards it, and reads that again.
void CheckForwarded(const GatheringClient& client, std::string_view method, std::string_view upgrade,
                    const ClientOptions& client_options) {
  ServerOptions options;
  options.limits = client_options.limits;
  GatheringServer server(options, false);
  // The request of the client, whose answer is what was received.
  struct Relay final : ServerEvents {
    RequestReceiver* OnRequestBegin(ServerStream& s) override {
      stream = &s;
      request = std::make_unique<GatheredRequest>(pool, s, false);
      request->answered = true;  // below
      return request.get();
    }
    void OnFlood(Flood, bool) override {}
    void OnConnectionError(std::string_view) override {}
    base::BlockPool pool;
    std::unique_ptr<GatheredRequest> request;
    ServerStream* stream = nullptr;
  } relay;
  FakeLink link(relay.pool);
  ServerConnection codec(link, relay, relay.pool, options);
  std::string request =
      std::string(method) + (method == "CONNECT" ? " h.test:80" : " /") + " HTTP/1.1\r\nHost: h\r\n";
  if (!upgrade.empty()) request += "Connection: upgrade\r\nUpgrade: " + std::string(upgrade) + "\r\n";
  PILLION_CHECK(codec.Receive(base::Slice::Copy(relay.pool, request + "\r\n")) == request.size() + 2);
  const GatheredResponse& response = client.response;
  const Message& message = response.message;
  const bool tunnel = response.head->status == 101 || (method == "CONNECT" && response.head->status < 300);
  relay.stream->SendHead(*response.head,
                         message.ended && message.body.empty() && message.trailers.empty() && !tunnel);
  if (!message.body.empty()) {
    (void)relay.stream->SendData(base::Slice::Copy(relay.pool, message.body),
                                 message.ended && message.trailers.empty());
  }
  if (!message.trailers.empty()) {
    http::HeaderMap trailers(relay.request->arena());
    for (const auto& [name, value] : message.trailers) trailers.Add(name, value);
    relay.stream->SendTrailers(trailers);
  }
  GatheringClient again(client_options, method, upgrade);
  again.Feed(link.Take(), 0);
  PILLION_CHECK(again.response.message.start == message.start && again.response.message.fields == message.fields);
  PILLION_CHECK(again.response.message.body == message.body);
  PILLION_CHECK(again.response.message.trailers == message.trailers);
  // What was cut short stays so.
  PILLION_CHECK(again.response.message.ended == (message.ended && !tunnel));
}

void Fuzz(const uint8_t* data, size_t size) {
  if (size < 2 || size > 60000) return;
  constexpr std::string_view kMethods[] = {"GET", "HEAD", "POST", "CONNECT"};
  const std::string_view method = kMethods[data[0] & 3];
  const std::string_view upgrade = method == "GET" && (data[0] & 4) != 0 ? "foo" : "";
  ClientOptions options;
  options.limits.enable_trailers = (data[0] & 8) != 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);

  GatheringClient whole(options, method, upgrade);
  whole.Feed(bytes, 0);
  GatheringClient pieces(options, method, upgrade);
  pieces.Feed(bytes, std::max<size_t>(data[1], 1));
  PILLION_CHECK(whole.response.message == pieces.response.message);
  PILLION_CHECK(whole.response.informational == pieces.response.informational);
  PILLION_CHECK(whole.codec.reusable() == pieces.codec.reusable());
  PILLION_CHECK(whole.codec.ending() == pieces.codec.ending());
  PILLION_CHECK(whole.ended_streams <= 1);
  // Whatever the bytes were, another request is taken only behind a response that was complete and nothing else.
  if (whole.codec.capacity() > 0) PILLION_CHECK(whole.response.message.ended && whole.ended_streams == 1);

  pieces.codec.ReceiveEnd();
  const Message& message = pieces.response.message;
  PILLION_CHECK(message.ended || message.failed);
  if (pieces.response.head != nullptr) CheckForwarded(pieces, method, upgrade, options);
  whole.codec.Abort("gone");
  PILLION_CHECK(whole.codec.active_streams() == 0 && whole.ended_streams == 1);
}

}  // namespace
}  // namespace pillion::codec::http1

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pillion::codec::http1::Fuzz(data, size);
  return 0;
}
