#include "source/stats/tags.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "source/stats/rules.h"

namespace pillion::stats {
namespace {

bool IsDigit(char c) {
  return absl::ascii_isdigit(static_cast<unsigned char>(c));
}

using Cut = std::pair<size_t, size_t>;  // from, to

// "..._rq_503" and "..._rq_5xx" end in a label of their own.
void TakeResponseCode(std::string_view name, const Rules& rules, TaggedName& out, std::vector<Cut>& cuts) {
  constexpr size_t kTail = 7;  // "_rq_503"
  if (name.size() < kTail || name.substr(name.size() - kTail, 4) != "_rq_") return;
  const std::string_view code = name.substr(name.size() - 3);
  if (std::all_of(code.begin(), code.end(), IsDigit)) {
    if (!rules.Shows(kResponseCode)) return;
    out.labels.emplace_back(kResponseCode, code);
    cuts.emplace_back(name.size() - 4, name.size());
  } else if (IsDigit(code[0]) && code.ends_with("xx") && rules.Shows(kResponseCodeClass)) {
    out.labels.emplace_back(kResponseCodeClass, code.substr(0, 1));
    cuts.emplace_back(name.size() - 3, name.size() - 2);
  }
}

// "cluster.<name>.ssl.versions.TLSv1.3" ends in a label of its own, behind all others.
void TakeAgreed(std::string_view name, const std::vector<Tag>& tags, const Rules& rules, TaggedName& out,
                std::vector<Cut>& cuts) {
  const std::string_view cipher = name.starts_with("cluster.") ? kCipherSuite : kSslCipher;
  const std::pair<std::string_view, std::string_view> kinds[] = {
      {"ssl.ciphers.", cipher}, {"ssl.versions.", kSslVersion}, {"ssl.curves.", kSslCurve}, {"ssl.sigalgs.", kSslSignature}};
  const size_t begin = tags.empty() ? 0 : std::min<size_t>(tags.back().cut_end, name.size());
  for (const auto& [kind, label] : kinds) {
    if (!name.substr(begin).starts_with(kind) || !rules.Shows(label)) continue;
    const size_t end = begin + kind.size();
    out.labels.emplace_back(label, name.substr(end));
    cuts.emplace_back(end - 1, name.size());
  }
}

}  // namespace

Prefix& Prefix::Add(std::string_view part) {
  text_ += part;
  std::replace(text_.end() - static_cast<std::ptrdiff_t>(part.size()), text_.end(), ':', '_');
  text_ += '.';
  return *this;
}

Prefix& Prefix::Add(std::string_view label, std::string_view value) {
  const auto begin = static_cast<uint32_t>(text_.size());
  const auto size = static_cast<uint32_t>(value.size());
  tags_.push_back({.label = label, .begin = begin, .size = size, .cut_begin = begin, .cut_end = begin + size + 1});
  return Add(value);
}

Prefix& Prefix::AddWorker(uint32_t index) {
  text_ += "worker_";
  return Add(kWorkerId, std::to_string(index));
}

TaggedName TakeTags(std::string_view name, const std::vector<Tag>& tags, const Rules& rules) {
  TaggedName out;
  std::vector<Cut> cuts;  // they may overlap: a configuration's expressions look at the whole name
  TakeResponseCode(name, rules, out, cuts);
  TakeAgreed(name, tags, rules, out, cuts);
  const auto add = [&out](std::string_view label, std::string_view value) {
    const auto same = [label](const auto& other) { return other.first == label; };
    if (std::none_of(out.labels.begin(), out.labels.end(), same)) out.labels.emplace_back(label, value);
  };
  for (const auto& [label, value] : rules.fixed()) add(label, value);
  const std::vector<Tag> shown = rules.TagsOf(name, tags);
  for (auto tag = shown.rbegin(); tag != shown.rend(); ++tag) {
    add(tag->label, name.substr(tag->begin, tag->size));
    cuts.emplace_back(tag->cut_begin, tag->cut_end);
  }
  std::sort(cuts.begin(), cuts.end());
  size_t at = 0;
  const auto append = [&](size_t end) {
    if (at < end) out.name += name.substr(at, end - at);
    at = std::max(at, end);
  };
  for (const auto& [begin, end] : cuts) {
    append(std::min(begin, name.size()));
    at = std::max(at, end);
  }
  append(name.size());
  return out;
}

PrometheusName ToPrometheus(std::string_view name, const std::vector<Tag>& tags, const Rules& rules) {
  TaggedName tagged = TakeTags(name, tags, rules);
  PrometheusName out{.family = "envoy_", .labels = std::move(tagged.labels)};
  for (const char c : tagged.name) out.family += absl::ascii_isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return out;
}

}  // namespace pillion::stats
