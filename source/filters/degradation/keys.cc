#include "source/filters/degradation/keys.h"

#include <utility>

#include "source/config/route.h"
#include "source/upstream/lane_text.h"

namespace pillion::filters::degradation_rules {
namespace {

using degradation::Breakers;

constexpr upstream::EscapedBytes kEscapedInHosts("/,%"), kEscapedInNames(",%");

std::span<const upstream::Label> LabelsOf(filter::StreamContext& stream) {
  const upstream::LaneWish* const wish = stream.lane_wish();
  return wish == nullptr ? std::span<const upstream::Label>() : wish->labels;
}

// Names that differ mostly do at their ends. Quicker than a hash: which place is taken decides nothing.
size_t Mix(size_t mixed, std::string_view name) {
  constexpr size_t kFactor = 31;
  mixed = mixed * kFactor + name.size();
  if (name.size() >= 2) mixed = mixed * kFactor + static_cast<unsigned char>(name[name.size() - 2]);
  return name.empty() ? mixed : mixed * kFactor + static_cast<unsigned char>(name.back());
}

// All that the text is made of.
template <typename See>
void ForEachName(const Parts& per, filter::StreamContext& stream, const See& see) {
  if (per.route) {
    see(stream.virtual_host()->name);
    see(stream.route()->name);
  }
  if (per.cluster) see(stream.cluster_name());
  if (!per.lane) return;
  for (const upstream::Label& label : LabelsOf(stream)) {
    see(label.key);
    see(label.value);
  }
}

}  // namespace

void WriteKey(const Parts& per, filter::StreamContext& stream, std::string& text) {
  text.clear();
  const auto append = [&text](std::string_view piece) { text += piece; };
  std::string_view between;
  const auto begin = [&](std::string_view part) {
    append(std::exchange(between, ", "));
    append(part);
  };
  if (per.route) {
    begin("route=");
    upstream::AppendEscaped(append, stream.virtual_host()->name, kEscapedInHosts);
    append("/");
    upstream::AppendEscaped(append, stream.route()->name, kEscapedInNames);
  }
  if (per.cluster) {
    begin("cluster=");
    upstream::AppendEscaped(append, stream.cluster_name(), kEscapedInNames);
  }
  if (!per.lane) return;
  begin("lane=");
  const std::span<const upstream::Label> labels = LabelsOf(stream);
  if (labels.empty()) append("baseline");
  upstream::AppendLabels(append, labels);
}

// Names may be a configuration's that is gone, or the stream's own: they are compared, not where they are.
Breakers::Key Keys::Of(const Parts& per, filter::StreamContext& stream) {
  static const Breakers::Key kOnly{std::string_view()};
  if (per.empty()) return kOnly;
  size_t mixed = per.cluster * 2 + per.lane;
  ForEachName(per, stream, [&mixed](std::string_view name) { mixed = Mix(mixed, name); });
  Known& known = known_[mixed % kKnown];
  size_t seen = 0;
  bool same = !known.text.empty() && known.per == per;
  ForEachName(per, stream, [&](std::string_view name) {
    same = same && seen < known.size && known.names[seen] == name;
    ++seen;
  });
  if (!same || seen != known.size) [[unlikely]] {
    known.per = per;
    known.size = 0;
    ForEachName(per, stream, [&known](std::string_view name) {
      if (known.size == known.names.size()) known.names.emplace_back();
      known.names[known.size++] = name;
    });
    WriteKey(per, stream, known.text);
    known.hash = Breakers::Key(known.text).hash;
  }
  return {stream.arena().Copy(known.text), known.hash};
}

}  // namespace pillion::filters::degradation_rules
