// Operators and functions at their edges: what the public cases do not ask.

#include <gtest/gtest.h>

#include <string>

#include "source/expression/compiler.h"
#include "source/expression/evaluator.h"
#include "test/unit/expression/request.h"

namespace pillion::expression {
namespace {

std::string ResultOf(const std::string& text) {
  const auto program = Compile(text);
  if (!program.ok()) return "refused: " + std::string(program.status().message());
  TestRequest request;
  base::BlockPool blocks;
  base::Arena arena(blocks);
  return Show(Evaluate(**program, request, arena));
}

TEST(FunctionsTest, IntsDoNotOverflow) {
  for (const char* text : {"9223372036854775807 + 1", "-9223372036854775808 - 1", "-9223372036854775808 * -1",
                           "-9223372036854775808 / -1", "-9223372036854775808 % -1", "-(-9223372036854775808)",
                           "18446744073709551615u + 1u", "0u - 1u", "18446744073709551615u * 2u", "int(9223372036854775808u)",
                           "int(9223372036854775807.0)", "uint(18446744073709551615.0)", "uint(-1)", "uint(-0.5)", "int(0.0 / 0.0)",
                           "timestamp(253402300800)"}) {
    EXPECT_EQ(ResultOf(text), "error: overflow") << text;
  }
  EXPECT_EQ(ResultOf("-9223372036854775807 - 1"), "-9223372036854775808");
  EXPECT_EQ(ResultOf("18446744073709551614u + 1u"), "18446744073709551615u");
  EXPECT_EQ(ResultOf("int(-9223372036854774784.0)"), "-9223372036854774784");
  EXPECT_EQ(ResultOf("-7 / 2"), "-3");
  EXPECT_EQ(ResultOf("-7 % 2"), "-1");
}

TEST(FunctionsTest, DoublesAreThoseOfIeee) {
  EXPECT_EQ(ResultOf("1.0 / 0.0"), "inf");
  EXPECT_EQ(ResultOf("1.0 / -0.0"), "-inf");
  EXPECT_EQ(ResultOf("-1.0 / 0.0"), "-inf");
  EXPECT_EQ(ResultOf("0.0 / 0.0 == 0.0 / 0.0"), "false");
  EXPECT_EQ(ResultOf("0.0 / 0.0 < 1.0 || 0.0 / 0.0 >= 1.0"), "false");
  EXPECT_EQ(ResultOf("0.0 / 0.0 != 1.0"), "true");
  EXPECT_EQ(ResultOf("-0.0 == 0.0"), "true");
}

TEST(FunctionsTest, NumbersOfTwoTypesCompareByWhatTheyAreWorth) {
  EXPECT_EQ(ResultOf("9007199254740993 > 9007199254740992.0"), "false");  // as a double they are the same
  EXPECT_EQ(ResultOf("dyn(9007199254740993) == 9007199254740992.0"), "true");
  EXPECT_EQ(ResultOf("-1 < 0u"), "true");
  EXPECT_EQ(ResultOf("18446744073709551615u > -1"), "true");
  EXPECT_EQ(ResultOf("dyn(1) == 1u && dyn(1u) == 1.0 && dyn(1.0) == 1"), "true");
  EXPECT_EQ(ResultOf("dyn(-1) == 18446744073709551615u"), "false");
  EXPECT_EQ(ResultOf("1 < 1.5 && 1u < 1.5 && -0.5 < 0u && 1.5 > 1"), "true");
  EXPECT_EQ(ResultOf("dyn(1) == true || dyn('1') == 1 || dyn(b'1') == '1' || dyn(null) == false"), "false");
  EXPECT_EQ(ResultOf("dyn(1.0) in [1, 2] && dyn(1u) in {1: 'a'}"), "true");
  EXPECT_EQ(ResultOf("{1: 'a'}[dyn(1.0)] + {1: 'b'}[dyn(1u)]"), "'ab'");
}

TEST(FunctionsTest, ListsAndMaps) {
  EXPECT_EQ(ResultOf("[1, 2][2]"), "error: index out of range");
  EXPECT_EQ(ResultOf("[1, 2][-1]"), "error: index out of range");
  EXPECT_EQ(ResultOf("[1, 2][18446744073709551615u]"), "error: index out of range");
  EXPECT_EQ(ResultOf("[1, 2][1.0]"), "2");
  EXPECT_EQ(ResultOf("[1, 2][0.5]"), "error: no such overload");
  EXPECT_EQ(ResultOf("[1, 2][1e300]"), "error: index out of range");
  EXPECT_EQ(ResultOf("{'a': 1, 'a': 2}"), "error: a key that is there twice");
  EXPECT_EQ(ResultOf("{1: 1, 1u: 2}"), "error: a key that is there twice");
  EXPECT_EQ(ResultOf("{'a': {'b': [1]}} == {'a': {'b': [1]}}"), "true");
  EXPECT_EQ(ResultOf("[[1], [2]] == [[1], [3]]"), "false");
  EXPECT_EQ(ResultOf("has({'a': 1}.a) && !has({'a': 1}.b)"), "true");
  EXPECT_EQ(ResultOf("[1, 2].map(x, [3].map(y, x * y))"), "[[3], [6]]");
  EXPECT_EQ(ResultOf("[1, 2].all(x, [1, 2].exists(x, x == 2) && x < 3)"), "true");  // the inner x hides the outer one
  EXPECT_EQ(ResultOf("[1, 2, 3].map(x, x != 2, x * 10)"), "[10, 30]");
}

TEST(FunctionsTest, Texts) {
  EXPECT_EQ(ResultOf("size('e\\u0301')"), "2");
  EXPECT_EQ(ResultOf("size(b'\\u00e9')").substr(0, 8), "refused:");
  EXPECT_EQ(ResultOf("size(bytes('\\u00e9'))"), "2");
  EXPECT_EQ(ResultOf("'ÄbC'.lowerAscii() + 'äBc'.upperAscii()"), "'ÄbcäBC'");
  EXPECT_EQ(ResultOf("''.lowerAscii() + ''.upperAscii()"), "''");
  EXPECT_EQ(ResultOf("''.contains('') && !''.contains('a')"), "true");
  EXPECT_EQ(ResultOf("'a\\u0000b'.contains('\\u0000b')"), "true");
  EXPECT_EQ(ResultOf("'\\U0001f600' > '\\uffff'"), "true");
  EXPECT_EQ(ResultOf("'abc'.matches('^b')"), "false");
  EXPECT_EQ(ResultOf("b'a' + b'b' == b'ab'"), "true");
}

TEST(FunctionsTest, ConversionsOfTexts) {
  for (const char* text : {"int('')", "int('1.0')", "int(' 1')", "int('1 ')", "int('+1')", "int('9223372036854775808')", "int('0x1')",
                           "uint('-1')", "uint('')", "double('')", "double(' 1')", "double('1 ')", "double('a')", "bool('yes')",
                           "duration('')", "duration('1')", "duration('1x')", "duration('s')", "duration('1h-1m')",
                           "duration('.s')", "duration('99999999999999999999s')", "timestamp('2026-02-30T00:00:00Z')",
                           "timestamp('2026-01-01T24:00:00Z')", "timestamp('2026-01-01T00:00:60Z')", "timestamp('2026-01-01T00:00:00')",
                           "timestamp('2026-01-01 00:00:00Z')", "timestamp('2026-01-01T00:00:00.Z')",
                           "timestamp('2026-01-01T00:00:00+0200')", "timestamp('0001-01-01T00:00:00+00:01')",
                           "timestamp('2026-01-01T00:00:00Z').getHours('Europe/Paris')"}) {
    EXPECT_EQ(ResultOf(text), "error: conversion failed") << text;
  }
  EXPECT_EQ(ResultOf("bool('TRUE') && !bool('f')"), "true");
  EXPECT_EQ(ResultOf("double('1e3')"), "1000.0");
  EXPECT_EQ(ResultOf("int('-5') + int(uint('5'))"), "0");
  EXPECT_EQ(ResultOf("string(true) + string(1.0) + string(1u)"), "'true11'");
}

TEST(FunctionsTest, TimesAsTexts) {
  EXPECT_EQ(ResultOf("duration('1h30m10.5s')"), "duration('5410.500s')");
  EXPECT_EQ(ResultOf("duration('-1.5s')"), "duration('-1.500s')");
  EXPECT_EQ(ResultOf("duration('-0.5s')"), "duration('-0.500s')");
  EXPECT_EQ(ResultOf("duration('+1us2ns')"), "duration('0.000001002s')");
  EXPECT_EQ(ResultOf("duration('0')"), "duration('0s')");
  EXPECT_EQ(ResultOf("duration('-1.5s').getSeconds()"), "-1");
  EXPECT_EQ(ResultOf("duration('-1.5s').getMilliseconds()"), "-500");
  EXPECT_EQ(ResultOf("duration('-0.5s') + duration('0.5s') == duration('0s')"), "true");
  EXPECT_EQ(ResultOf("timestamp('2026-11-22T16:00:00.25+02:00')"), "timestamp('2026-11-22T14:00:00.250Z')");
  EXPECT_EQ(ResultOf("timestamp('1969-12-31T23:59:59.5Z') < timestamp(0)"), "true");
  EXPECT_EQ(ResultOf("int(timestamp('1969-12-31T23:59:59.5Z'))"), "-1");
  EXPECT_EQ(ResultOf("timestamp('0001-01-01T00:00:00Z').getFullYear('-23:59')"), "0");
  EXPECT_EQ(ResultOf("timestamp('9999-12-31T23:59:59Z').getFullYear('+23:59')"), "10000");
  EXPECT_EQ(ResultOf("timestamp('2024-02-29T12:00:00Z').getDayOfYear()"), "59");
}

}  // namespace
}  // namespace pillion::expression
