#include "source/config/typed_struct.h"

#include <memory>
#include <variant>

#include "google/protobuf/any.pb.h"
#include "google/protobuf/message.h"
#include "google/protobuf/util/json_util.h"
#include "source/config/decode.h"
#include "source/config/extensions.h"
#include "source/config/optional.h"
#include "source/config/text.h"
#include "source/config/tree.h"
#include "xds/type/v3/typed_struct.pb.h"

namespace pillion::config {
namespace {

namespace pb = google::protobuf;

std::string PathBelow(const std::string& path, const std::string& below) {
  return below.empty() ? path : FieldPath(path, below);
}

class Resolver {
 public:
  Resolver(const UnknownRule& unknown, ErrorList& errors, std::vector<ConfigError>& notes)
      : unknown_(unknown), errors_(errors), notes_(notes) {}

  // True: there was one. `optional`: where it is an Any, it may be passed over.
  bool Resolve(pb::Message& message, const std::string& path, bool optional = false) {
    if (message.GetDescriptor()->well_known_type() == pb::Descriptor::WELLKNOWNTYPE_ANY) {
      return ResolveAny(static_cast<pb::Any&>(message), path, optional);
    }
    const pb::Reflection& reflection = *message.GetReflection();
    std::vector<const pb::FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    bool any = false;
    for (const pb::FieldDescriptor* field : fields) {
      if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) continue;
      const std::string at = FieldPath(path, field->name());
      if (!field->is_repeated()) {
        any |= Resolve(*reflection.MutableMessage(&message, field), at, IsOptional(message, *field));
        continue;
      }
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        any |= Resolve(*reflection.MutableRepeatedMessage(&message, field, i), ElementPath(at, static_cast<size_t>(i)));
      }
    }
    return any;
  }

 private:
  bool ResolveAny(pb::Any& any, const std::string& path, bool optional) {
    if (IsTypedStruct(any.type_url())) {
      Replace(any, path, optional);
      return true;
    }
    // Of an Any that holds none the bytes stay.
    if (anys_ == kMostNestedAnys || !MayHaveTypedStructs(any.value())) return false;
    const std::unique_ptr<pb::Message> held = UnpackExtension(any);
    ++anys_;
    const bool found = held != nullptr && Resolve(*held, path);
    --anys_;
    if (found) any.set_value(held->SerializeAsString());
    return found;
  }

  void Replace(pb::Any& any, const std::string& path, bool optional) {
    xds::type::v3::TypedStruct typed;
    if (!typed.ParseFromString(any.value())) return errors_.Add(path, "bytes that are no TypedStruct");
    const pb::Descriptor* type = FindExtensionType(typed.type_url());
    if (type == nullptr && optional) {  // which the judge of unknown fields says
      any.set_type_url(typed.type_url());
      return any.clear_value();
    }
    if (type == nullptr) return errors_.Add(path, UnknownTypeText(typed.type_url()));
    const std::string place = FieldPath(path, "value");
    std::string json;
    if (!pb::util::MessageToJsonString(typed.value(), &json).ok()) return errors_.Add(place, "no free data");
    std::variant<Tree, ConfigError> tree = Tree::Parse(json);
    if (const auto* error = std::get_if<ConfigError>(&tree)) return errors_.Add(place, error->message);
    const std::unique_ptr<pb::Message> message(pb::MessageFactory::generated_factory()->GetPrototype(type)->New());
    ErrorList errors;
    std::vector<ConfigError> notes;
    Decode(std::get<Tree>(tree), unknown_, *message, errors, notes);
    // Without lines: the text is none that anybody has seen.
    for (ConfigError& error : errors.Take()) errors_.Add(PathBelow(place, error.path), std::move(error.message));
    for (ConfigError& note : notes) notes_.push_back({PathBelow(place, note.path), 0, std::move(note.message)});
    any.PackFrom(*message);
  }

  const UnknownRule& unknown_;
  ErrorList& errors_;
  std::vector<ConfigError>& notes_;
  int anys_ = 0;  // that hold what is looked at
};

}  // namespace

void ResolveTypedStructs(const UnknownRule& unknown, pb::Message& message, const std::string& path, ErrorList& errors,
                         std::vector<ConfigError>& notes) {
  Resolver(unknown, errors, notes).Resolve(message, path);
}

bool MayHaveTypedStructs(std::string_view bytes) { return bytes.find("TypedStruct") != std::string_view::npos; }

}  // namespace pillion::config
