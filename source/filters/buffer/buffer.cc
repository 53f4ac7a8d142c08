#include "source/filters/buffer/buffer.h"

#include "source/base/number_text.h"

namespace pillion::filters::buffer {
namespace {

class Buffer final : public filter::HttpFilter {
 public:
  explicit Buffer(size_t limit) : limit_(limit) {}

  filter::Step OnRequestHead(http::RequestHead& head, bool) override {
    head_ = &head;
    // What follows an upgrade is no body: it has no end to wait for.
    return head.upgrade.empty() ? filter::Step::kCollect : filter::Step::kContinue;
  }

  filter::Step OnRequestBody(base::Buffer& body, http::HeaderMap* trailers) override {
    // With trailers the body stays without a length, as HTTP/1 can't send both (RFC 9112, 6.1).
    if (head_->content_length == http::kNoContentLength && trailers == nullptr) SetLength(body.size());
    return filter::Step::kContinue;
  }

  size_t collect_limit() const override { return limit_; }

 private:
  void SetLength(size_t size) {
    head_->content_length = static_cast<int64_t>(size);
    head_->headers.Set(http::HeaderId::kContentLength, base::NumberText(size, stream().arena()));
  }

  const size_t limit_;
  http::RequestHead* head_ = nullptr;
};

class Shard final : public filter::HttpFilterShard {
 public:
  explicit Shard(const Config& config) : config_(config) {}

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* override_config) override {
    const auto* const config = override_config != nullptr ? static_cast<const Config*>(override_config) : &config_;
    return config->max_request_bytes() == 0 ? nullptr : stream.arena().New<Buffer>(config->max_request_bytes());
  }

 private:
  const Config& config_;
};

}  // namespace

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext&) const {
  return std::make_unique<Shard>(*this);
}

}  // namespace pillion::filters::buffer
