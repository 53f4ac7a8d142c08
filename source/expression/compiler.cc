#include "source/expression/compiler.h"

#include <re2/re2.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "source/base/block.h"
#include "source/base/escape.h"
#include "source/expression/folding.h"
#include "source/expression/functions.h"
#include "source/expression/parser.h"

namespace pillion::expression {

using Index = Ast::Index;

// Writes the instructions of one tree. Each Emit...() leaves one value on the stack.
class Compiler {
 public:
  Compiler(const Ast& ast, const std::vector<Meaning>& meanings)
      : ast_(ast), meanings_(meanings), folded_(Fold(ast, meanings, arena_)), program_(std::make_shared<Program>()) {}

  absl::StatusOr<std::shared_ptr<const Program>> Run() {
    program_->source_ = ast_.source();
    program_->origins_ = ast_.origins();
    program_->result_ = meanings_.back().type;
    Emit(ast_.root_index());
    if (program_->code_.size() > Program::kMostInstructions) Fail(ast_.root(), "it is too long");
    if (!error_.empty()) return absl::InvalidArgumentError(error_);
    return std::move(program_);
  }

 private:
  void Fail(const Node& node, const std::string& what) {
    if (error_.empty()) error_ = ast_.PlaceOf(node.offset) + ": " + what;
  }

  // `grows`: values more on the stack behind it.
  size_t Write(const Node& node, Instruction instruction, int grows) {
    program_->code_.push_back(instruction);
    program_->places_.push_back(node.offset);
    depth_ += grows;
    if (depth_ > static_cast<int>(Program::kMostStack)) {
      Fail(node, "more than " + std::to_string(Program::kMostStack) + " values are needed at once");
    }
    return program_->code_.size() - 1;
  }
  // One that makes a value of the `c` last ones.
  void WriteTaking(const Node& node, Instruction instruction) {
    Write(node, instruction, 1 - static_cast<int>(instruction.c));
  }
  Instruction& At(size_t place) { return program_->code_[place]; }
  uint32_t Here() const { return static_cast<uint32_t>(program_->code_.size()); }

  uint32_t KeptConstant(const Value& value) {
    program_->constants_.push_back(program_->Kept(value));
    return static_cast<uint32_t>(program_->constants_.size() - 1);
  }
  uint32_t KeptKey(std::string_view name) {
    const std::string_view kept = program_->KeptText(name);
    program_->keys_.push_back(Key::Of(kept));
    return static_cast<uint32_t>(program_->keys_.size() - 1);
  }

  void Emit(Index index) {
    const Node& node = ast_.at(index);
    const Meaning& meaning = meanings_[index];
    if (folded_[index]) {
      Write(node, {.op = Op::kConstant, .c = KeptConstant(*folded_[index])}, 1);
      return;
    }
    const std::span<const Index> parts = ast_.PartsOf(node);
    const bool has = node.kind == Node::Kind::kHas;
    switch (meaning.kind) {
      case Meaning::Kind::kAttribute:
        Write(node, {.op = has ? Op::kHasAttribute : Op::kAttribute, .c = meaning.index}, 1);
        return;
      case Meaning::Kind::kLookup:
        Write(node, {.op = has ? Op::kHasAttribute : Op::kLookup, .c = meaning.index}, 1);
        return;
      case Meaning::Kind::kVariable:
        Write(node, {.op = Op::kVariable, .a = static_cast<uint8_t>(meaning.index)}, 1);
        return;
      case Meaning::Kind::kFunction:
        EmitFunction(node, meaning, parts);
        return;
      case Meaning::Kind::kMatches:
        EmitMatches(node, parts);
        return;
      default:
        break;
    }
    switch (node.kind) {
      case Node::Kind::kSelect:
      case Node::Kind::kHas:
        EmitField(node, parts[0], has);
        return;
      case Node::Kind::kList:
      case Node::Kind::kMap:
        for (const Index part : parts) Emit(part);
        WriteTaking(node, {.op = node.kind == Node::Kind::kList ? Op::kList : Op::kMap, .c = node.count});
        return;
      case Node::Kind::kMacro:
        EmitMacro(node, meaning, parts);
        return;
      default:
        break;
    }
    if (node.text == "_?_:_") {
      EmitChoice(node, parts);
    } else {
      EmitLogic(node, parts, node.text == "_&&_");
    }
  }

  const Meaning* AsLookup(Index index) const {
    const Meaning& meaning = meanings_[index];
    return meaning.kind == Meaning::Kind::kLookup && ast_.at(index).kind != Node::Kind::kHas ? &meaning : nullptr;
  }
  const Value* AsText(Index index) const {
    return folded_[index] && folded_[index]->Is(Kind::kString) ? &*folded_[index] : nullptr;
  }
  void EmitEntry(const Node& node, Op op, const Meaning& map, std::string_view name) {
    Write(node, {.op = op, .b = static_cast<uint16_t>(map.index), .c = KeptKey(name)}, 1);
  }

  void EmitField(const Node& node, Index of, bool has) {
    if (const Meaning* map = AsLookup(of)) {
      EmitEntry(node, has ? Op::kHasEntry : Op::kFind, *map, node.text);
      return;
    }
    Emit(of);
    Write(node, {.op = has ? Op::kHasField : Op::kField, .c = KeptConstant(Value::String(node.text))}, 0);
  }

  void EmitFunction(const Node& node, const Meaning& meaning, std::span<const Index> parts) {
    if (!parts.empty() && meanings_[parts[0]].kind == Meaning::Kind::kUnused) parts = parts.subspan(1);
    // An entry of known name is asked for at once.
    if (node.text == "_[_]" && AsLookup(parts[0]) != nullptr && AsText(parts[1]) != nullptr) {
      EmitEntry(node, Op::kFind, *AsLookup(parts[0]), AsText(parts[1])->text());
      return;
    }
    if (node.text == "@in" && AsLookup(parts[1]) != nullptr && AsText(parts[0]) != nullptr) {
      EmitEntry(node, Op::kHasEntry, *AsLookup(parts[1]), AsText(parts[0])->text());
      return;
    }
    for (const Index part : parts) Emit(part);
    const auto count = static_cast<uint32_t>(parts.size());
    WriteTaking(node, {.op = Op::kCall, .b = static_cast<uint16_t>(meaning.index), .c = count});
  }

  void EmitMatches(const Node& node, std::span<const Index> parts) {
    const Node& pattern_node = ast_.at(parts[1]);
    const Value* pattern = AsText(parts[1]);
    if (pattern == nullptr) {
      Fail(pattern_node, "the regular expression of matches() depends on the request, expected a text");
      return;
    }
    if (!error_.empty()) return;  // nobody will ask it
    const re2::StringPiece piece(pattern->text().data(), pattern->text().size());
    auto regex = std::make_unique<re2::RE2>(piece, re2::RE2::Quiet);
    if (!regex->ok()) {
      std::string what;
      base::AppendLine(what, regex->error(), 200);
      Fail(pattern_node, "it is no regular expression: " + what);
      return;
    }
    regex_size_ += regex->ProgramSize();
    if (regex_size_ > Program::kMostRegexSize) {
      Fail(pattern_node, "the regular expressions up to here have " + std::to_string(regex_size_) +
                             " instructions, expected at most " + std::to_string(Program::kMostRegexSize));
      return;
    }
    Emit(parts[0]);
    program_->regexes_.push_back(std::move(regex));
    Write(node, {.op = Op::kMatches, .c = static_cast<uint32_t>(program_->regexes_.size() - 1)}, 0);
  }

  void EmitLogic(const Node& node, std::span<const Index> parts, bool all) {
    std::vector<size_t> jumps;
    Emit(parts[0]);
    for (const Index part : parts.subspan(1)) {
      jumps.push_back(Write(node, {.op = all ? Op::kJumpIfFalse : Op::kJumpIfTrue}, 0));
      Emit(part);
      Write(ast_.at(part), {.op = all ? Op::kAnd : Op::kOr}, -1);
    }
    for (const size_t jump : jumps) At(jump).c = Here();
  }

  void EmitChoice(const Node& node, std::span<const Index> parts) {
    Emit(parts[0]);
    const size_t choose = Write(node, {.op = Op::kChoose}, -1);
    Emit(parts[1]);
    const size_t jump = Write(node, {.op = Op::kJump}, -1);  // the other branch begins without its value
    At(choose).c = Here();
    Emit(parts[2]);
    At(choose).b = static_cast<uint16_t>(Here());
    At(jump).c = Here();
  }

  // A loop leaves its result on the stack; whoever ends it early jumps behind it.
  void EmitMacro(const Node& node, const Meaning& meaning, std::span<const Index> parts) {
    const auto loop = static_cast<uint8_t>(meaning.index);
    const bool counts = node.text == "exists_one", all = node.text == "all", exists = node.text == "exists";
    const bool makes_list = !counts && !all && !exists;
    Emit(parts[0]);
    std::vector<size_t> ends{Write(node, {.op = Op::kLoop, .a = loop, .b = makes_list}, makes_list ? 0 : -1)};
    if (!makes_list) {
      const Value begin = counts ? Value::Int(0) : Value::Bool(all);
      Write(node, {.op = Op::kConstant, .c = KeptConstant(begin)}, 1);
    }
    const uint32_t next = Here();
    const size_t advance = Write(node, {.op = Op::kNext, .a = loop}, 0);
    Emit(parts[1]);
    if (all || exists) {
      Write(node, {.op = all ? Op::kAnd : Op::kOr}, -1);
      ends.push_back(Write(node, {.op = all ? Op::kJumpIfFalse : Op::kJumpIfTrue}, 0));
    } else if (counts) {
      ends.push_back(Write(node, {.op = Op::kCount}, -1));
    } else if (node.text == "filter") {
      ends.push_back(Write(node, {.op = Op::kAppendElement, .a = loop}, -1));
    } else {
      if (parts.size() == 3) {
        const size_t skip = Write(node, {.op = Op::kSkip, .c = next}, -1);
        skips_.push_back(skip);
        Emit(parts[2]);
      }
      ends.push_back(Write(node, {.op = Op::kAppend, .a = loop}, -1));
    }
    Write(node, {.op = Op::kJump, .c = next}, 0);
    At(advance).b = static_cast<uint16_t>(std::min<uint32_t>(Here() - next, UINT16_MAX));
    At(advance).c = Here();
    if (counts) {
      const std::optional<uint32_t> equal = FindFunction("_==_", false);
      Write(node, {.op = Op::kConstant, .c = KeptConstant(Value::Int(1))}, 1);
      Write(node, {.op = Op::kCall, .b = static_cast<uint16_t>(*equal), .c = 2}, -1);
    }
    for (const size_t end : ends) At(end).c = Here();
    if (parts.size() == 3) {
      At(skips_.back()).b = static_cast<uint16_t>(Here());
      skips_.pop_back();
    }
  }

  const Ast& ast_;
  const std::vector<Meaning>& meanings_;
  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  const std::vector<std::optional<Value>> folded_;  // in the arena, or the tree
  std::shared_ptr<Program> program_;
  std::vector<size_t> skips_;  // of the maps that are open
  std::string error_;
  int regex_size_ = 0;  // of all so far
  int depth_ = 0;
};

absl::StatusOr<std::shared_ptr<const Program>> Compile(const Ast& ast, const CompileOptions& options) {
  const absl::StatusOr<std::vector<Meaning>> meanings = Check(ast, options.check);
  if (!meanings.ok()) return meanings.status();
  const Type& result = meanings->back().type;
  if (options.result && !result.Fits(*options.result)) {
    return absl::InvalidArgumentError(ast.PlaceOf(ast.root().offset) + ": it gives " + result.Text() + ", expected " +
                                      std::string(KindName(*options.result)));
  }
  return Compiler(ast, *meanings).Run();
}

absl::StatusOr<std::shared_ptr<const Program>> Compile(std::string_view text, const CompileOptions& options) {
  const absl::StatusOr<Ast> ast = Parse(text);
  if (!ast.ok()) return ast.status();
  return Compile(*ast, options);
}

}  // namespace pillion::expression
