#include "source/proxy/subset_criteria.h"

#include <algorithm>
#include <new>

namespace pillion::proxy {
namespace {

using Part = config::LbCriteriaView::Part;
using config::LbCriteria;

struct Writer {
  base::Arena& arena;
  base::ArenaText text;

  void operator()(std::string_view piece) { text.Append(arena, piece); }
};

// As LbCriteria writes the same value of a configuration.
void Write(Writer& to, const metadata::Value& value) {
  using Kind = metadata::Value::Kind;
  const auto add = [&to](std::string_view piece) { to(piece); };
  switch (value.kind) {
    case Kind::kNull:
      return to("0");
    case Kind::kFlag:
      return to(value.flag ? "t" : "f");
    case Kind::kNumber:
      return LbCriteria::AddNumber(add, value.number);
    case Kind::kText:
      return LbCriteria::AddPiece(add, 's', value.text);
    case Kind::kList:
      to("[");
      for (uint32_t i = 0; i < value.size; ++i) Write(to, value.members[i].value);
      return to("]");
    case Kind::kObject: {
      // By key, which they need not come in.
      to("{");
      std::string_view last;
      for (uint32_t done = 0; done < value.size; ++done) {
        const metadata::Member* next = nullptr;
        for (uint32_t i = 0; i < value.size; ++i) {
          const metadata::Member& member = value.members[i];
          if ((done > 0 && member.key <= last) || (next != nullptr && next->key <= member.key)) continue;
          next = &member;
        }
        if (next == nullptr) break;  // a key came twice
        last = next->key;
        LbCriteria::AddPiece(add, 'k', next->key);
        Write(to, next->value);
      }
      return to("}");
    }
  }
}

// What is noted as the list of others, in the arena.
void AddAlternatives(const metadata::Value& list, base::Arena& arena, config::LbCriteriaView& to) {
  const uint32_t count = std::max(1u, list.size);
  auto* const views = static_cast<config::LbCriteriaView*>(
      arena.Allocate(count * sizeof(config::LbCriteriaView), alignof(config::LbCriteriaView)));
  new (&views[0]) config::LbCriteriaView();  // of an empty list: nothing over the rest
  for (uint32_t i = 0; i < list.size; ++i) {
    const metadata::Value& fields = list.members[i].value;
    metadata::DynamicMetadata one;
    if (fields.kind == metadata::Value::Kind::kObject) {
      for (uint32_t m = 0; m < fields.size; ++m) {
        if (fields.members[m].key == config::kFallbackListKey) continue;  // it would not be heeded
        (void)one.Set(arena, config::kLbNamespace, fields.members[m].key, fields.members[m].value);
      }
    }
    new (&views[i]) config::LbCriteriaView(MergeCriteria({}, one, arena));
  }
  to.alternatives = views;
  to.alternatives_count = count;
}

}  // namespace

config::LbCriteriaView MergeCriteria(const config::LbCriteriaView& route, const metadata::DynamicMetadata& noted,
                                     base::Arena& arena) {
  size_t count = 0;
  noted.ForEach(config::kLbNamespace, [&](std::string_view, const metadata::Value&) { ++count; });
  if (count == 0) return route;
  auto* const parts = static_cast<Part*>(arena.Allocate((route.parts.size() + count) * sizeof(Part), alignof(Part)));
  Part* end = std::copy(route.parts.begin(), route.parts.end(), parts);
  const metadata::Value* others = nullptr;
  noted.ForEach(config::kLbNamespace, [&](std::string_view key, const metadata::Value& value) {
    if (key == config::kFallbackListKey && value.kind == metadata::Value::Kind::kList) others = &value;
    Writer writer{arena, {}};
    LbCriteria::AddPiece([&writer](std::string_view piece) { writer(piece); }, 'k', key);
    Write(writer, value);
    Part* const at =
        std::lower_bound(parts, end, key, [](const Part& part, std::string_view key) { return part.key < key; });
    if (at == end || at->key != key) {
      std::copy_backward(at, end, end + 1);
      ++end;
    }
    *at = {key, writer.text.view()};
  });
  Writer text{arena, {}};
  Writer keys{arena, {}};
  for (const Part* part = parts; part != end; ++part) {
    text(part->text);
    LbCriteria::AddPiece([&keys](std::string_view piece) { keys(piece); }, 'k', part->key);
  }
  config::LbCriteriaView merged{text.text.view(), keys.text.view(), {parts, end}, route.alternatives,
                                route.alternatives_count};
  if (others != nullptr) [[unlikely]] AddAlternatives(*others, arena, merged);
  return merged;
}

}  // namespace pillion::proxy
