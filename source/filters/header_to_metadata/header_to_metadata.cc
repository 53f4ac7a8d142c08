#include "source/filters/header_to_metadata/header_to_metadata.h"

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "source/http/parameters.h"

namespace pillion::filters::header_to_metadata {
namespace {

using filter::Step;

constexpr size_t kLongestValue = 8 * 1024;

class Shard final : public filter::HttpFilterShard {
 public:
  explicit Shard(const Config& config) : config_(config) {}

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* override_config) override;

  std::string decoded;  // scratch

 private:
  const Config& config_;
};

class HeaderToMetadata final : public filter::HttpFilter {
 public:
  HeaderToMetadata(Shard& shard, const Config& config) : shard_(shard), config_(config) {}

  Step OnRequestHead(http::RequestHead& head, bool) override {
    Apply(config_.request(), head);
    return Step::kContinue;
  }
  Step OnResponseHead(http::ResponseHead& head, bool) override {
    Apply(config_.response(), head);
    return Step::kContinue;
  }

 private:
  template <typename Head>
  void Apply(const std::vector<Rule>& rules, Head& head) {
    for (const Rule& rule : rules) {
      const std::optional<std::string_view> value =
          rule.header ? rule.header->All(head) : http::FindCookie(head.headers, rule.cookie);
      if (value && rule.remove) {
        head.headers.RemoveIf([&](const http::HeaderField& field) { return rule.header->Is(field); });
      }
      if (value && rule.present) Write(*rule.present, *value);
      if (!value && rule.missing) Write(*rule.missing, {});
    }
  }

  // A value that is empty, too long or not what it should be is not noted.
  void Write(const Note& note, std::string_view value) {
    if (!note.value.empty()) {
      value = note.value;
    } else if (note.rewrite) {
      value = note.rewrite->Apply(value, stream().arena());
    }
    if (value.empty() || value.size() >= kLongestValue) return;
    if (note.base64) {
      if (!absl::Base64Unescape(absl::string_view(value.data(), value.size()), &shard_.decoded)) return;
      value = shard_.decoded;
      if (value.empty()) return;
    }
    metadata::Value noted = metadata::Value::Text(value);
    if (note.number) {
      double number = 0;
      if (!absl::SimpleAtod(absl::string_view(value.data(), value.size()), &number)) return;
      noted = metadata::Value::Number(number);
    }
    // Too much is not noted either: the bound is the stream's.
    (void)stream().annotations().metadata.Set(stream().arena(), note.space, note.key, noted);
  }

  Shard& shard_;
  const Config& config_;
};

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig* override_config) {
  const Config& config = override_config != nullptr ? static_cast<const Config&>(*override_config) : config_;
  return stream.arena().New<HeaderToMetadata>(*this, config);
}

}  // namespace

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext&) const {
  return std::make_unique<Shard>(*this);
}

}  // namespace pillion::filters::header_to_metadata
