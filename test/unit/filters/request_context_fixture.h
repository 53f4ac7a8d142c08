#pragma once

// The context filter in a proxy, a filter behind it, and requests to both.

#include <gtest/gtest.h>

#include "source/filter/carried_context.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {

using Lines = std::vector<std::string>;

inline constexpr char kTrace[] = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
inline constexpr char kRefused[] = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
inline constexpr char kRedirect[] = "HTTP/1.1 302 Found\r\nlocation: http://h/there\r\ncontent-length: 0\r\n\r\n";
inline constexpr char kAnswer[] = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
inline constexpr char kLog[] =
    "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(pillion.context:cancel_reason)%";

inline std::string Get(const std::string& fields, const std::string& path = "/") {
  return "GET " + path + " HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n";
}

// Of the last head in `bytes`; empty: it is not there.
inline std::string Field(const std::string& bytes, const std::string& name) {
  const size_t head = bytes.rfind("HTTP/1.1\r\n");
  const size_t at = head == std::string::npos ? head : bytes.find("\r\n" + name + ": ", head);
  if (at == std::string::npos) return "";
  const size_t begin = at + name.size() + 4;
  return bytes.substr(begin, bytes.find("\r\n", begin) - begin);
}

inline std::string Filter(const std::string& fields) {
  return "- name: context\n  typed_config:\n    {\"@type\": type.googleapis.com/pillion.filters.http.context.v1.Context, " +
         fields + "}\n";
}

inline std::string Retries(const std::string& back_off, const std::string& more = "") {
  return "timeout: 0s\nretry_policy: {retry_on: 5xx, num_retries: 9, " + more + "retry_back_off: {" + back_off + "}}";
}

// An inbound listener's.
inline const std::string kTrusting = "direction: INBOUND, trust: {addresses: [{address_prefix: 0.0.0.0, prefix_len: 0}]}, ";

// A filter behind it that sets an entry of the baggage, as the field x-set says: key=value. What became of it: `set`.
struct Painter final : filter::HttpFilterConfig {
  enum class Outcome { kNone, kNoContext, kRefused, kSet };
  mutable Outcome outcome = Outcome::kNone;
  mutable bool trusted = false;
  mutable std::string copied;  // the field baggage of a copy without that entry

  uint32_t hooks() const override { return filter::kRequestHead; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext&) const override;
};

inline std::string_view ValueOf(const http::HeaderMap& headers) {
  const http::HeaderField* const field = headers.Find("x-set");
  return field == nullptr ? std::string_view() : field->value();
}

struct Painting final : filter::HttpFilter {
  explicit Painting(const Painter& config) : config(config) {}
  filter::Step OnRequestHead(http::RequestHead& head, bool) override {
    const std::string_view text = ValueOf(head.headers);
    filter::CarriedContext* const carried = stream().carried_context();
    config.outcome = Painter::Outcome::kNoContext;
    if (carried == nullptr) return filter::Step::kContinue;
    config.trusted = carried->trusted();
    const size_t equals = text.find('=');
    const std::string_view value = text.substr(equals + 1);
    const context::Baggage::Entry entry{text.substr(0, equals), value, static_cast<uint32_t>(value.size())};
    config.outcome = carried->SetBaggage({&entry, 1}) ? Painter::Outcome::kSet : Painter::Outcome::kRefused;
    http::HeaderMap copy(stream().arena());
    const context::Baggage::Entry none{entry.key, "", 0};
    carried->InjectInto(copy, {&none, 1});
    config.copied = copy.Get(http::HeaderId::kBaggage);
    return filter::Step::kContinue;
  }
  const Painter& config;
};

struct PainterShard final : filter::HttpFilterShard {
  explicit PainterShard(const Painter& config) : config(config) {}
  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig*) override {
    return ValueOf(stream.request().headers).empty() ? nullptr : stream.arena().New<Painting>(config);
  }
  const Painter& config;
};

inline std::unique_ptr<filter::HttpFilterShard> Painter::MakeShard(const filter::ShardContext&) const {
  return std::make_unique<PainterShard>(*this);
}

class RequestContextTest : public testing::Test {
 protected:
  // The application's way out, where everybody is trusted, if nothing else is said. `more`: of its place in the chain.
  void Start(ProxySettings settings = {}, const std::string& fields = "direction: OUTBOUND", const std::string& more = "") {
    client_.reset();
    settings.http_filters = Filter(fields) + more;
    settings.further_filters = {{"painter", painter_}};
    settings.filter_log = kLog;
    if (settings.route.find("timeout") == std::string::npos) settings.route += "timeout: 0s";
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  void TearDown() override { client_.reset(); }

  void Send(const std::string& bytes) {
    client_->Send(bytes);
    world_->Run();
  }
  void Answer(const std::string& bytes, size_t connection = 0) {
    upstream(connection).Send(bytes);
    world_->Run();
  }
  Peer& upstream(size_t connection = 0) { return world_->upstream().peer(connection); }
  std::string Told(size_t connection = 0) { return Field(upstream(connection).received(), "x-timeout-ms"); }
  std::string Status() { return client_->received().substr(0, 12); }
  std::string Line() {
    const Lines lines = world_->TakeLog();
    return lines.size() == 1 ? lines[0] : std::to_string(lines.size()) + " lines";
  }
  int64_t stat(const std::string& name) { return world_->stat("http.in.context." + name); }

  const std::shared_ptr<Painter> painter_ = std::make_shared<Painter>();
  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
};

}  // namespace pillion::test
