#include "source/expression/checker.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "source/base/escape.h"
#include "source/expression/functions.h"

namespace pillion::expression {
namespace {

using Index = Ast::Index;

constexpr size_t kMostMistakes = 8;  // that are told

std::string Printable(std::string_view text) {
  std::string out;
  base::AppendLine(out, text, 80);
  return out;
}

class Checker {
 public:
  Checker(const Ast& ast, const CheckOptions& options) : ast_(ast), options_(options), meanings_(ast.size()) {}

  absl::StatusOr<std::vector<Meaning>> Run() {
    Visit(ast_.root_index());
    if (!mistakes_.empty()) return absl::InvalidArgumentError(mistakes_);
    return std::move(meanings_);
  }

 private:
  struct Variable {
    std::string_view name;
    Type type;
  };

  Type Mistake(const Node& node, const std::string& what) {
    if (++count_ > kMostMistakes) return {};
    if (!mistakes_.empty()) mistakes_ += "; ";
    mistakes_ += ast_.PlaceOf(node.offset) + ": " + what;
    return {};
  }
  Type TypeMistake(const Node& node, const std::string& what) { return options_.types ? Mistake(node, what) : Type(); }

  Type Visit(Index index) {
    const Node& node = ast_.at(index);
    Type type = TypeOf(index, node);
    meanings_[index].type = type;
    return type;
  }

  Type TypeOf(Index index, const Node& node) {
    const std::span<const Index> parts = ast_.PartsOf(node);
    switch (node.kind) {
      case Node::Kind::kConstant:
        return node.constant.kind();
      case Node::Kind::kName:
        return OfName(index, node);
      case Node::Kind::kSelect:
      case Node::Kind::kHas:
        if (parts.size() != 1) return Mistake(node, "a field is of one value");
        return OfField(index, node, parts[0]);
      case Node::Kind::kCall:
        return OfCall(index, node, parts);
      case Node::Kind::kList: {
        std::optional<Type> element;
        for (const Index part : parts) {
          const Type type = Visit(part);
          element = element ? element->Joined(type) : type;
        }
        return Type::List(element.value_or(Type()));
      }
      case Node::Kind::kMap:
        return OfMap(node, parts);
      case Node::Kind::kMacro:
        return OfMacro(index, node, parts);
    }
    return {};
  }

  // The last variable of that name; nothing: there is none.
  std::optional<uint32_t> FindVariable(std::string_view name) const {
    for (size_t i = variables_.size(); i-- > 0;) {
      if (variables_[i].name == name) return static_cast<uint32_t>(i);
    }
    return std::nullopt;
  }

  // "request.headers" of request.headers and of request['headers']. Nothing of what is no such chain.
  std::optional<std::string> DottedName(Index index) const {
    const Node& node = ast_.at(index);
    const std::span<const Index> parts = ast_.PartsOf(node);
    std::string_view last;
    if (node.kind == Node::Kind::kName) {
      if (FindVariable(node.text)) return std::nullopt;
      return std::string(node.text.substr(node.text.starts_with('.')));
    }
    if (node.kind == Node::Kind::kSelect && parts.size() == 1) {
      last = node.text;
    } else if (node.kind == Node::Kind::kCall && node.text == "_[_]" && parts.size() == 2) {
      const Node& key = ast_.at(parts[1]);
      if (key.kind != Node::Kind::kConstant || !key.constant.Is(Kind::kString)) return std::nullopt;
      last = key.constant.text();
    } else {
      return std::nullopt;
    }
    std::optional<std::string> name = DottedName(parts[0]);
    if (name) *name += "." + std::string(last);
    return name;
  }

  // Of a name that the catalog has.
  std::optional<Type> AsAttribute(Index index, const Node& node, const std::string& name) {
    const Catalog::Entry* found = options_.catalog->Find(name);
    if (found == nullptr) return std::nullopt;
    if (found->late && options_.moment == Moment::kRequest) {
      return Mistake(node, name + " is known only when the request is over");
    }
    meanings_[index].kind = found->lookup ? Meaning::Kind::kLookup : Meaning::Kind::kAttribute;
    meanings_[index].index = static_cast<uint32_t>(found->id);
    return found->type;
  }

  std::optional<Type> AsTypeName(Index index, std::string_view name) {
    for (size_t kind = 1; kind < static_cast<size_t>(Kind::kLookup); ++kind) {
      if (KindName(static_cast<Kind>(kind)) != name) continue;
      meanings_[index].kind = Meaning::Kind::kType;
      meanings_[index].index = static_cast<uint32_t>(kind);
      return Type(Kind::kType);
    }
    return std::nullopt;
  }

  Type Unknown(const Node& node, const std::string& name) {
    if (options_.catalog->IsGroup(name)) {
      return Mistake(node, name + " is no value, expected one of " + options_.catalog->Members(name));
    }
    std::string what = "there is no " + Printable(name);
    if (const std::string nearest = options_.catalog->Nearest(name); !nearest.empty()) what += ", did you mean " + nearest;
    return Mistake(node, what);
  }

  Type OfName(Index index, const Node& node) {
    if (const std::optional<uint32_t> variable = FindVariable(node.text)) {
      meanings_[index].kind = Meaning::Kind::kVariable;
      meanings_[index].index = *variable;
      return variables_[*variable].type;
    }
    const std::string name(node.text.substr(node.text.starts_with('.')));
    if (const std::optional<Type> type = AsAttribute(index, node, name)) return *type;
    if (const std::optional<Type> type = AsTypeName(index, name)) return *type;
    return Unknown(node, name);
  }

  // Of a chain of names: an attribute, a type, or a mistake. Nothing: it is a value's field.
  std::optional<Type> AsName(Index index, const Node& node, Index of, const std::string& name) {
    if (const std::optional<Type> type = AsAttribute(index, node, name)) return type;
    if (const std::optional<Type> type = AsTypeName(index, name)) return type;
    if (options_.catalog->IsGroup(name)) return Unknown(node, name);
    const std::string group = *DottedName(of);
    if (options_.catalog->IsGroup(group) && options_.catalog->Find(group) == nullptr) return Unknown(node, name);
    return std::nullopt;
  }

  Type OfField(Index index, const Node& node, Index of) {
    const bool has = node.kind == Node::Kind::kHas;
    if (const std::optional<std::string> group = DottedName(of)) {
      const std::string name = *group + "." + std::string(node.text);
      const std::optional<Type> type = AsName(index, node, of, name);
      if (has && meanings_[index].kind == Meaning::Kind::kType) {
        return Mistake(node, name + " is a type, no field of a value");
      }
      if (type) return has ? Type(Kind::kBool) : *type;
    }
    const Type type = Visit(of);
    if (!type.is_dynamic() && !type.Is(Kind::kMap)) return TypeMistake(node, type.Text() + " has no fields");
    if (!type.key().Fits(Kind::kString)) return TypeMistake(node, type.Text() + " has no names as its keys");
    return has ? Type(Kind::kBool) : type.element();
  }

  Type OfMap(const Node& node, std::span<const Index> parts) {
    if (parts.size() % 2 != 0) return Mistake(node, "a map has a value for each key");
    std::optional<Type> key, value;
    for (size_t i = 0; i < parts.size(); i += 2) {
      Type key_type = Visit(parts[i]);
      if (!key_type.is_dynamic() && !key_type.Is(Kind::kBool) && !key_type.Is(Kind::kInt) && !key_type.Is(Kind::kUint) &&
          !key_type.Is(Kind::kString)) {
        TypeMistake(ast_.at(parts[i]), "a key is of type " + key_type.Text() + ", expected bool, int, uint or string");
        key_type = {};  // maps whose keys are maps would have types that grow and grow
      }
      key = key ? key->Joined(key_type) : key_type;
      const Type value_type = Visit(parts[i + 1]);
      value = value ? value->Joined(value_type) : value_type;
    }
    return Type::Map(key.value_or(Type()), value.value_or(Type()));
  }

  void ExpectBool(Index part, const std::string& where) {
    const Type type = meanings_[part].type;
    if (!type.Fits(Kind::kBool)) TypeMistake(ast_.at(part), where + " is of type " + type.Text() + ", expected bool");
  }

  Type OfMacro(Index index, const Node& node, std::span<const Index> parts) {
    const bool maps = node.text == "map";
    const bool filters = node.text == "filter";
    const bool asks = node.text == "all" || node.text == "exists" || node.text == "exists_one";
    const bool known = maps ? parts.size() == 2 || parts.size() == 3 : (filters || asks) && parts.size() == 2;
    if (!known) {
      return Mistake(node, "there is no macro " + Printable(node.text) + " of " + std::to_string(parts.size()) + " parts");
    }
    const Type range = Visit(parts[0]);
    if (!range.is_dynamic() && !range.Is(Kind::kList) && !range.Is(Kind::kMap)) {
      TypeMistake(node, std::string(node.text) + "() is for lists and maps, not for " + range.Text());
    }
    if (variables_.size() == kMostLoops) {
      const std::string most = std::to_string(kMostLoops);
      return Mistake(node, "more than " + most + " of all(), exists(), map() or filter() within each other");
    }
    const Type element = range.Is(Kind::kMap) ? range.key() : range.element();
    meanings_[index].index = static_cast<uint32_t>(variables_.size());
    variables_.push_back({node.variable, element});
    Type last;
    for (const Index part : parts.subspan(1)) last = Visit(part);
    variables_.pop_back();
    if (asks || filters || parts.size() == 3) ExpectBool(parts[1], "what " + std::string(node.text) + "() asks");
    if (asks) return Kind::kBool;
    return Type::List(filters ? element : last);
  }

  Type OfCall(Index index, const Node& node, std::span<const Index> all_parts) {
    std::span<const Index> parts = all_parts;
    if (node.text == "_[_]" && parts.size() == 2) {
      if (const std::optional<std::string> name = DottedName(index)) {
        if (const std::optional<Type> type = AsName(index, node, parts[0], *name)) return *type;
      }
    }
    if (node.text == "_&&_" || node.text == "_||_") return OfLogic(node, parts);
    if (node.text == "_?_:_") return OfChoice(node, parts);
    // math.bitAnd(a, b) is no member of a value.
    std::string name(node.text);
    bool member = node.member;
    if (member && !parts.empty() && ast_.at(parts[0]).kind == Node::Kind::kName && !FindVariable(ast_.at(parts[0]).text)) {
      const std::string whole = std::string(ast_.at(parts[0]).text) + "." + name;
      if (FindFunction(whole, false)) {
        meanings_[parts[0]].kind = Meaning::Kind::kUnused;
        name = whole, member = false, parts = parts.subspan(1);
      }
    }
    std::vector<Type> types;
    for (const Index part : parts) types.push_back(Visit(part));
    if (name == "matches") return OfMatches(index, node, types);
    const std::optional<uint32_t> found = FindFunction(name, member);
    if (!found) return UnknownFunction(node, name, member);
    meanings_[index].kind = Meaning::Kind::kFunction;
    meanings_[index].index = *found;
    const Function& function = Functions()[*found];
    const std::vector<Type> any(types.size());
    if (!ResultOf(function, any)) {
      const std::string count = std::to_string(types.size() - member);
      return Mistake(node, std::string(SignOf(name)) + "() does not take " + count + " arguments");
    }
    const std::optional<Type> result = ResultOf(function, types);
    if (!result || !FitTogether(function, types)) return WrongTypes(node, name, types);
    if (name == "_[_]") return types[0].element();
    return *result;
  }

  // What the letters of a signature do not say.
  static bool FitTogether(const Function& function, const std::vector<Type>& types) {
    if (function.name == "_==_" || function.name == "_!=_") return types[0].Fits(types[1]);
    if (function.name == "@in") return types[0].Fits(types[1].Is(Kind::kMap) ? types[1].key() : types[1].element());
    if (function.name == "_[_]" && types[0].Is(Kind::kMap)) return types[1].Fits(types[0].key());
    return true;
  }

  Type WrongTypes(const Node& node, const std::string& name, const std::vector<Type>& types) {
    std::string given;
    for (size_t i = 0; i < types.size(); ++i) {
      if (i > 0) given += i + 1 == types.size() ? " and " : ", ";
      given += types[i].Text();
    }
    return TypeMistake(node, std::string(SignOf(name)) + " is not for " + given);
  }

  Type UnknownFunction(const Node& node, const std::string& name, bool member) {
    if (IsFunctionName(name)) {
      return Mistake(node, name + (member ? "() is called as " + name + "(value)" : "() is called as value." + name + "()"));
    }
    std::string what = "there is no function " + Printable(SignOf(name));
    const std::string_view nearest = NearestFunction(name);
    return Mistake(node, nearest.empty() ? what : what + ", did you mean " + std::string(nearest));
  }

  Type OfLogic(const Node& node, std::span<const Index> parts) {
    if (parts.size() < 2) return Mistake(node, std::string(SignOf(node.text)) + " is between two values");
    for (const Index part : parts) {
      Visit(part);
      ExpectBool(part, "what stands beside " + std::string(SignOf(node.text)));
    }
    return Kind::kBool;
  }

  Type OfChoice(const Node& node, std::span<const Index> parts) {
    if (parts.size() != 3) return Mistake(node, "?: has three parts");
    Visit(parts[0]);
    ExpectBool(parts[0], "what stands before ?");
    const Type yes = Visit(parts[1]), no = Visit(parts[2]);
    if (!yes.Fits(no)) {
      return TypeMistake(node, "the branches of ?: are of two types, " + yes.Text() + " and " + no.Text());
    }
    return yes.Joined(no);
  }

  Type OfMatches(Index index, const Node& node, const std::vector<Type>& types) {
    meanings_[index].kind = Meaning::Kind::kMatches;
    if (types.size() != 2) return Mistake(node, "matches() takes a text and a regular expression");
    if (!types[0].Fits(Kind::kString) || !types[1].Fits(Kind::kString)) return WrongTypes(node, "matches", types);
    return Kind::kBool;
  }

  const Ast& ast_;
  const CheckOptions& options_;
  std::vector<Meaning> meanings_;
  std::vector<Variable> variables_;
  std::string mistakes_;
  size_t count_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<Meaning>> Check(const Ast& ast, const CheckOptions& options) {
  if (ast.empty()) return absl::InvalidArgumentError("it is empty, expected an expression");
  return Checker(ast, options).Run();
}

}  // namespace pillion::expression
