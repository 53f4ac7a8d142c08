#include "source/ctl/difference.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "envoy/config/core/v3/core.pb.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "source/config/dump.h"
#include "source/config/extensions.h"
#include "source/config/text.h"
#include "source/ctl/alignment.h"
#include "source/ctl/words.h"

namespace pillion::ctl {
namespace {

using envoy::config::core::v3::DataSource;
using google::protobuf::Any;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Kind = Difference::Kind;

// Equal messages have equal bytes.
std::string BytesOf(const Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializePartialToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

std::string QuotedValue(const FieldDescriptor& field, const std::string& text) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_STRING ? config::Quote(text) : text;
}

// The last part of a type's name.
std::string ShortType(const std::string& url) { return url.substr(url.find_last_of("/.") + 1); }

std::vector<const Message*> ElementsOf(const Message& message, const FieldDescriptor& field) {
  std::vector<const Message*> elements;
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    elements.push_back(&reflection.GetRepeatedMessage(message, &field, i));
  }
  if (!field.is_map()) return elements;
  // A map has no order that stays.
  std::sort(elements.begin(), elements.end(),
            [](const Message* x, const Message* y) { return ElementName(*x) < ElementName(*y); });
  return elements;
}

// The names of all, where each has one and no other the same; else nothing.
std::optional<std::vector<std::string>> NamesOf(const std::vector<const Message*>& elements) {
  std::vector<std::string> names;
  std::set<std::string> known;
  for (const Message* element : elements) {
    names.push_back(ElementName(*element));
    if (names.back().empty() || !known.insert(names.back()).second) return std::nullopt;
  }
  return names;
}

// What elements without names are taken for the same by: what they match, or all that is in them.
std::vector<std::string> LikenessOf(const std::vector<const Message*>& elements) {
  std::vector<std::string> texts;
  for (const Message* element : elements) {
    const FieldDescriptor* const match = element->GetDescriptor()->FindFieldByName("match");
    const bool matches = match != nullptr && match->message_type() != nullptr && !match->is_repeated();
    texts.push_back(BytesOf(matches ? element->GetReflection()->GetMessage(*element, match) : *element));
  }
  return texts;
}

// Texts as numbers: equal ones have the same.
class Numbers {
 public:
  std::vector<uint32_t> Of(const std::vector<std::string>& texts) {
    std::vector<uint32_t> numbers;
    for (const std::string& text : texts) {
      numbers.push_back(known_.emplace(text, static_cast<uint32_t>(known_.size())).first->second);
    }
    return numbers;
  }

 private:
  std::map<std::string, uint32_t> known_;
};

// A list that mostly has one element, which then is not worth a word: network filters, localities, certificates.
bool IsMostlySingle(const FieldDescriptor& field) {
  return field.name() == "filters" || field.name() == "endpoints" || field.name() == "tls_certificates";
}

std::string StepText(const FieldDescriptor& field, const Message& message) {
  using envoy::config::core::v3::TransportSocket;
  if (message.GetDescriptor() != TransportSocket::descriptor()) return FieldText(field);
  const std::string& type = static_cast<const TransportSocket&>(message).typed_config().type_url();
  return type.find(".tls.") == type.npos ? FieldText(field) : "tls";
}

class Comparison {
 public:
  explicit Comparison(std::string part) : part_(std::move(part)) {}

  void Messages(const Message& a, const Message& b) {
    if (a.GetDescriptor() == Any::descriptor()) {
      return Anys(static_cast<const Any&>(a), static_cast<const Any&>(b));
    }
    const bool credential = config::IsCredential(a) && config::IsCredential(b);
    for (int i = 0; i < a.GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor& field = *a.GetDescriptor()->field(i);
      if (field.is_repeated()) {
        List(a, b, field);
      } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        Member(a, b, field);
      } else {
        Scalar(a, b, field, credential);
      }
    }
  }

  std::vector<Difference> Take() { return std::move(differences_); }

 private:
  // Goes on within something of that name, while it lives. Empty: that is not worth a word.
  class Step {
   public:
    Step(Comparison& comparison, std::string text) : comparison_(comparison), taken_(!text.empty()) {
      if (taken_) comparison_.steps_.push_back(std::move(text));
    }
    ~Step() {
      if (taken_) comparison_.steps_.pop_back();
    }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    Comparison& comparison_;
    const bool taken_;
  };

  void Report(Kind kind, std::string field = "", std::string before = "", std::string after = "") {
    std::string place;
    for (const std::string& step : steps_) place += (place.empty() ? "" : ", ") + step;
    differences_.push_back({part_, std::move(place), std::move(field), kind, std::move(before), std::move(after)});
  }

  void Anys(const Any& a, const Any& b) {
    if (a.type_url() != b.type_url()) {
      return Report(Kind::kChanged, "type", ShortType(a.type_url()), ShortType(b.type_url()));
    }
    if (a.value() == b.value()) return;
    const std::unique_ptr<Message> in_a = config::UnpackExtension(a);
    const std::unique_ptr<Message> in_b = config::UnpackExtension(b);
    if (in_a == nullptr || in_b == nullptr) return Report(Kind::kChanged);
    Messages(*in_a, *in_b);
  }

  void Scalar(const Message& a, const Message& b, const FieldDescriptor& field, bool credential) {
    const bool in_a = !field.has_presence() || a.GetReflection()->HasField(a, &field);
    const bool in_b = !field.has_presence() || b.GetReflection()->HasField(b, &field);
    const std::string before = in_a ? ScalarText(a, field) : "";
    const std::string after = in_b ? ScalarText(b, field) : "";
    if (in_a == in_b && before == after) return;
    if (credential && field.name() == "value") {
      if (before != config::kRedacted && after != config::kRedacted) Report(Kind::kChanged, FieldText(field));
      return;
    }
    const auto shown = [&](bool there, const std::string& text) {
      if (!there) return std::string("not set");
      return QuotedValue(field, text);
    };
    Report(Kind::kChanged, FieldText(field), shown(in_a, before), shown(in_b, after));
  }

  // Nothing of it is shown.
  void Secret(const Message& a, const Message& b, const FieldDescriptor& field) {
    const std::string before = BytesOf(a.GetReflection()->GetMessage(a, &field));
    const std::string after = BytesOf(b.GetReflection()->GetMessage(b, &field));
    const auto hidden = [](const std::string& bytes) { return bytes.find(config::kRedacted) != bytes.npos; };
    if (before != after && !hidden(before) && !hidden(after)) Report(Kind::kChanged, FieldText(field));
  }

  // Long texts mean nothing to who reads them: a certificate has changed.
  void Source(const DataSource& a, const DataSource& b, const FieldDescriptor& field) {
    if (a.specifier_case() == DataSource::kFilename && b.specifier_case() == DataSource::kFilename) {
      if (a.filename() != b.filename()) {
        Report(Kind::kChanged, FieldText(field), config::Quote(a.filename()), config::Quote(b.filename()));
      }
    } else if (BytesOf(a) != BytesOf(b)) {
      Report(Kind::kChanged, FieldText(field));
    }
  }

  void Member(const Message& a, const Message& b, const FieldDescriptor& field) {
    const bool in_a = a.GetReflection()->HasField(a, &field);
    const bool in_b = b.GetReflection()->HasField(b, &field);
    if (!in_a && !in_b) return;
    if (config::IsSecret(field)) return Secret(a, b, field);
    const Message& from = a.GetReflection()->GetMessage(a, &field);
    const Message& to = b.GetReflection()->GetMessage(b, &field);
    const std::optional<std::string> before = ValueText(from);
    if (before) {
      const std::optional<std::string> after = ValueText(to);
      if (in_a == in_b && BytesOf(from) == BytesOf(to)) return;
      if (in_a != in_b || *before != *after) {
        return Report(Kind::kChanged, FieldText(field), in_a ? *before : "not set", in_b ? *after : "not set");
      }
    }
    if (in_a && in_b && field.message_type() == DataSource::descriptor()) {
      return Source(static_cast<const DataSource&>(from), static_cast<const DataSource&>(to), field);
    }
    const Step step(*this, in_a == in_b && IsPassedOver(field) ? "" : StepText(field, in_b ? to : from));
    if (in_a && in_b) {
      Messages(from, to);
    } else {
      Report(in_b ? Kind::kAdded : Kind::kRemoved);
    }
  }

  void List(const Message& a, const Message& b, const FieldDescriptor& field) {
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return Scalars(a, b, field);
    const std::vector<const Message*> before = ElementsOf(a, field);
    const std::vector<const Message*> after = ElementsOf(b, field);
    const std::optional<std::vector<std::string>> names = NamesOf(before);
    const std::optional<std::vector<std::string>> new_names = NamesOf(after);
    if (before.size() == 1 && after.size() == 1 && IsMostlySingle(field)) return Messages(*before[0], *after[0]);
    if (names && new_names) {
      Named(field, before, *names, after, *new_names);
    } else {
      Unnamed(field, before, after);
    }
  }

  // "virtual host pay", "route 3".
  static std::string ElementText(const FieldDescriptor& field, const std::vector<const Message*>& elements,
                                 const std::optional<std::vector<std::string>>& names, size_t index) {
    std::string name = names ? (*names)[index] : ElementName(*elements[index]);
    if (name.empty()) name = std::to_string(index);
    return FieldText(field) + " " + name;
  }

  void Whole(Kind kind, const std::string& element) {
    const Step step(*this, element);
    Report(kind);
  }

  void Element(const std::string& text, const Message& a, const Message& b) {
    const Step step(*this, text);
    const FieldDescriptor* const value = a.GetDescriptor()->options().map_entry() ? a.GetDescriptor()->map_value() : nullptr;
    if (value == nullptr || value->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return Messages(a, b);
    const Message& from = a.GetReflection()->GetMessage(a, value);
    const Message& to = b.GetReflection()->GetMessage(b, value);
    const std::optional<std::string> before = ValueText(from);
    if (!before) return Messages(from, to);
    if (BytesOf(from) != BytesOf(to)) Report(Kind::kChanged, "", *before, *ValueText(to));
  }

  void Named(const FieldDescriptor& field, const std::vector<const Message*>& before, const std::vector<std::string>& names,
             const std::vector<const Message*>& after, const std::vector<std::string>& new_names) {
    std::map<std::string, size_t> places;
    for (size_t i = 0; i < names.size(); ++i) places[names[i]] = i;
    const std::set<std::string> kept(new_names.begin(), new_names.end());
    for (size_t i = 0; i < names.size(); ++i) {
      if (!kept.contains(names[i])) Whole(Kind::kRemoved, ElementText(field, before, names, i));
    }
    const std::set<size_t> moved = Moved(field, names, new_names);
    for (size_t i = 0; i < new_names.size(); ++i) {
      const std::string text = ElementText(field, after, new_names, i);
      const auto place = places.find(new_names[i]);
      if (place == places.end()) {
        Whole(Kind::kAdded, text);
        continue;
      }
      if (moved.contains(i)) {
        const Step step(*this, text);
        Report(Kind::kMoved, "", std::to_string(place->second), std::to_string(i));
      }
      Element(text, *before[place->second], *after[i]);
    }
  }

  // Places in the new list of those that were elsewhere among those that are in both.
  static std::set<size_t> Moved(const FieldDescriptor& field, const std::vector<std::string>& names,
                                const std::vector<std::string>& new_names) {
    std::set<size_t> moved;
    if (IsUnordered(*field.message_type())) return moved;
    Numbers numbers;
    const std::vector<uint32_t> was = numbers.Of(names);
    const std::vector<uint32_t> is = numbers.Of(new_names);
    const std::set<uint32_t> known(was.begin(), was.end());
    for (size_t i = 0; i < is.size(); ++i) {
      if (known.contains(is[i])) moved.insert(i);
    }
    for (const auto& [from, to] : LongestCommon(was, is)) moved.erase(to);
    return moved;
  }

  void Unnamed(const FieldDescriptor& field, const std::vector<const Message*>& before,
               const std::vector<const Message*>& after) {
    Numbers numbers;
    const std::vector<uint32_t> was = numbers.Of(LikenessOf(before));
    const std::vector<uint32_t> is = numbers.Of(LikenessOf(after));
    size_t i = 0;
    size_t j = 0;
    // Up to the next ones that are the same: by position, and the rest has gone or come.
    const auto gap = [&](size_t end, size_t new_end) {
      for (; i < end && j < new_end; ++i, ++j) Element(ElementText(field, after, std::nullopt, j), *before[i], *after[j]);
      for (; i < end; ++i) Whole(Kind::kRemoved, ElementText(field, before, std::nullopt, i));
      for (; j < new_end; ++j) Whole(Kind::kAdded, ElementText(field, after, std::nullopt, j));
    };
    for (const auto& [from, to] : LongestCommon(was, is)) {
      gap(from, to);
      Element(ElementText(field, after, std::nullopt, j++), *before[i], *after[to]);
      ++i;
    }
    gap(before.size(), after.size());
  }

  void Scalars(const Message& a, const Message& b, const FieldDescriptor& field) {
    const auto texts = [&field](const Message& message) {
      std::vector<std::string> texts;
      for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
        texts.push_back(ScalarText(message, field, i));
      }
      return texts;
    };
    const std::vector<std::string> before = texts(a);
    const std::vector<std::string> after = texts(b);
    Numbers numbers;
    std::set<size_t> gone;
    std::set<size_t> come;
    for (size_t i = 0; i < before.size(); ++i) gone.insert(i);
    for (size_t i = 0; i < after.size(); ++i) come.insert(i);
    const std::vector<uint32_t> was = numbers.Of(before);
    for (const auto& [from, to] : LongestCommon(was, numbers.Of(after))) {
      gone.erase(from);
      come.erase(to);
    }
    const auto text = [&field](const std::string& value) { return FieldText(field) + " " + QuotedValue(field, value); };
    for (const size_t i : gone) Whole(Kind::kRemoved, text(before[i]));
    for (const size_t i : come) Whole(Kind::kAdded, text(after[i]));
  }

  const std::string part_;
  std::vector<std::string> steps_;
  std::vector<Difference> differences_;
};

}  // namespace

std::string Difference::Text() const {
  std::string what;
  switch (kind) {
    case Kind::kAdded:
      what = "added";
      break;
    case Kind::kRemoved:
      what = "removed";
      break;
    case Kind::kMoved:
      what = "moved from " + before + " to " + after;
      break;
    case Kind::kChanged:
      what = before.empty() && after.empty() ? "changed" : before + " -> " + after;
      break;
  }
  if (!field.empty()) what = field + " " + what;
  return part + ": " + (place.empty() ? "" : place + ": ") + what;
}

std::vector<Difference> Compare(const std::string& part, const Message& a, const Message& b) {
  Comparison comparison(part);
  comparison.Messages(a, b);
  return comparison.Take();
}

namespace {

bool BothHave(const Configuration& a, const Configuration& b, Configuration::Kind kind) {
  return a.kinds.contains(kind) && b.kinds.contains(kind);
}

// What a process was given stands against what was given, and what is its own against a bootstrap; else it is said.
std::string PartText(const Configuration::Name& name, const Configuration& a, const Configuration& b) {
  using From = Configuration::From;
  const std::string text = PartText(name);
  if (!a.parts.contains(name) || !b.parts.contains(name)) return text;
  const bool given = a.given.contains(name);
  if (a.from == From::kProcess && b.from == From::kProcess) {
    if (given == b.given.contains(name)) return text;
    return text + (given ? " (given, then static)" : " (static, then given)");
  }
  for (const auto& [running, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    if (running->from != From::kProcess || running->given.empty()) continue;
    const bool its = running->given.contains(name);
    if (other->from == From::kBootstrap && its) return text + " (given to the process by others)";
    if (other->from == From::kResources && !its) return text + " (static in the process)";
  }
  return text;
}

}  // namespace

std::vector<Configuration::Name> NotCompared(const Configuration& a, const Configuration& b) {
  using From = Configuration::From;
  std::vector<Configuration::Name> names;
  for (const auto& [running, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    if (running->from != From::kProcess || other->from == From::kProcess) continue;
    if (other->from == From::kResources && running->given.empty()) continue;
    for (const auto& [name, message] : running->parts) {
      const bool given = running->given.contains(name);
      if (given != (other->from == From::kBootstrap) || other->parts.contains(name)) continue;
      if (BothHave(a, b, name.kind)) names.push_back(name);
    }
  }
  return names;
}

std::vector<Difference> Compare(const Configuration& a, const Configuration& b) {
  std::vector<Difference> all;
  const std::vector<Configuration::Name> left_out = NotCompared(a, b);  // in their order
  const auto compared = [&](const Configuration::Name& name) {
    return BothHave(a, b, name.kind) && !std::ranges::binary_search(left_out, name);
  };
  for (const auto& [name, message] : a.parts) {
    if (!compared(name)) continue;
    const std::string part = PartText(name, a, b);
    const auto other = b.parts.find(name);
    if (other == b.parts.end()) {
      all.push_back({.part = part, .kind = Kind::kRemoved});
      continue;
    }
    for (Difference& difference : Compare(part, *message, *other->second)) all.push_back(std::move(difference));
  }
  for (const auto& [name, message] : b.parts) {
    if (!compared(name) || a.parts.contains(name)) continue;
    all.push_back({.part = PartText(name, a, b), .kind = Kind::kAdded});
  }
  return all;
}

}  // namespace pillion::ctl
